#requires -Version 7.0
# The tasks of this repository, in PowerShell 7 on Linux, macOS and Windows. No cmdlets: the language and .NET only.
param(
    [Parameter(Position = 0)] [string] $Task = '',
    [string] $Configuration = 'Release',
    [string] $Runtime = [System.Runtime.InteropServices.RuntimeInformation]::RuntimeIdentifier,
    [string] $Output = 'artifacts/sidecar',
    [Parameter(ValueFromRemainingArguments)] [string[]] $Rest = @()
)

$ErrorActionPreference = 'Stop'
$LargestBinary = 8 * 1024 * 1024

function Say([string] $Text) { [Console]::WriteLine($Text) }

# Runs a native command; its exit code, when it is not 0, becomes that of the script.
function Run([string] $Command, [string[]] $Arguments) {
    Say "> $Command $($Arguments -join ' ')"
    & $Command @Arguments
    if ($LASTEXITCODE -ne 0) { exit $LASTEXITCODE }
}

# A container engine that answers, or nothing.
function Find-Engine([string[]] $Names) {
    foreach ($name in $Names) {
        try { $null = & $name info 2>&1 }
        catch { continue } # there is no such command
        if ($LASTEXITCODE -eq 0) { return $name }
    }
}

# global.json, which says how tests are run, is looked for from the current folder on.
$locations = $ExecutionContext.SessionState.Path
$locations.PushCurrentLocation('build')
$null = $locations.SetLocation($PSScriptRoot)
try {
    switch ($Task) {
        'build' { Run dotnet (@('build', 'Sidecar.sln', '-c', $Configuration) + $Rest) }
        'test' { Run dotnet (@('test', '--solution', 'Sidecar.sln', '-c', $Configuration) + $Rest) }
        'publish' {
            Run dotnet (@('publish', 'src/Sidecar', '-c', $Configuration, '-r', $Runtime, '-o', $Output) + $Rest)
            $name = if ($Runtime.StartsWith('win')) { 'sidecar.exe' } else { 'sidecar' }
            $binary = [System.IO.FileInfo]::new([System.IO.Path]::Combine([System.IO.Path]::GetFullPath($Output, $PSScriptRoot), $name))
            $hash = [Convert]::ToHexStringLower([System.Security.Cryptography.SHA256]::HashData([System.IO.File]::ReadAllBytes($binary.FullName)))
            Say "$($binary.FullName): $($binary.Length) bytes, SHA-256 $hash"
            if ($binary.Length -gt $LargestBinary) {
                Say "The binary is larger than $LargestBinary bytes."
                exit 1
            }
        }
        'image' {
            $engines = @('docker', 'podman', 'nerdctl')
            $engine = Find-Engine $engines
            if (-not $engine) {
                Say "No container engine answers here: $($engines -join ', ') were tried. Start one of them, or run this where one runs."
                exit 1
            }
            Run $engine (@('build', '-f', 'Dockerfile.distroless', '-t', 'sidecar', '.') + $Rest)
        }
        'bench' { Run dotnet (@('run', '-c', $Configuration, '--project', 'tests/Sidecar.Benchmarks', '--') + $Rest) }
        'demo' { Run dotnet (@('run', '-c', $Configuration, '--project', 'tests/Cluster', '--') + $Rest) }
        default {
            Say 'Usage: ./build.ps1 TASK [-Configuration Release] [-Runtime RID] [-Output FOLDER] [arguments for the task]'
            Say ''
            Say '  build    builds everything'
            Say '  test     runs all tests'
            Say '  publish  makes the native executable, and prints its size and SHA-256'
            Say '  image    builds the distroless image with docker, podman or nerdctl'
            Say '  bench    runs the benchmarks'
            Say '  demo     runs the sidecar against a stand-in cluster'
            if ($Task) {
                Say ''
                Say "There is no task '$Task'."
                exit 2
            }
        }
    }
}
finally {
    $null = $locations.PopLocation('build')
}
