<#
.SYNOPSIS
    Builds, tests, publishes and shows Sidecar, on Linux, macOS and Windows.

.DESCRIPTION
    ./build.ps1            lists the tasks.
    ./build.ps1 TASK       runs one.
    What follows -- goes to the program behind the task:

    ./build.ps1 bench -- --list flat

.PARAMETER Task
    build, test, publish, image, bench, demo or help.

.PARAMETER Configuration
    Release unless told otherwise.

.PARAMETER Runtime
    The platforms to publish for, such as linux-arm64 or linux-x64,linux-arm64; this machine's unless told otherwise.

.PARAMETER Output
    The folder to publish to; artifacts/sidecar beside this script unless told otherwise. Of several platforms each has a folder in it.
#>
[CmdletBinding(PositionalBinding = $false)]
param(
    [Parameter(Position = 0)] [string] $Task = 'help',
    [string] $Configuration = 'Release',
    [string[]] $Runtime = @(),
    [string] $Output = '',
    [Parameter(ValueFromRemainingArguments = $true)] [string[]] $Rest = @()
)

# Core language, .NET and native commands only, in the syntax of PowerShell 5: an old engine gets as far as the sentence below,
# and an engine without any module at hand (as the tests host it) runs every task.
if ($PSVersionTable.PSVersion.Major -lt 7) {
    $found = $PSVersionTable.PSVersion
    [Console]::Error.WriteLine("build.ps1 needs PowerShell 7 (pwsh), and this is PowerShell $found. Get it from https://aka.ms/powershell.")
    exit 1
}

$ErrorActionPreference = 'Stop'
# Exit codes are looked at below, in words of our own.
$PSNativeCommandUseErrorActionPreference = $false
# Some callers hand over nothing as null.
if ($null -eq $Rest) { $Rest = @() }

# The budget of architecture: 8 MB, decimal.
$sizeLimit = 8000000
$engines = 'docker', 'podman', 'nerdctl'

function Stop-Task([string] $Reason, [int] $Code = 1) {
    [Console]::Error.WriteLine("build.ps1 ${Task}: $Reason")
    exit $Code
}

# Runs a native command; a non-zero exit code ends the task with that code.
function Invoke-Native([string] $Command, [string[]] $Arguments) {
    if (-not (Get-Command -Name $Command -CommandType Application -ErrorAction Ignore)) {
        Stop-Task "$Command is not on PATH."
    }
    "> $Command $($Arguments -join ' ')"
    & $Command @Arguments
    if ($LASTEXITCODE -ne 0) {
        Stop-Task "$Command ended with exit code $LASTEXITCODE." $LASTEXITCODE
    }
}

# This machine's runtime identifier. Counted out by hand because before .NET 8 RuntimeIdentifier named the distribution.
function Get-Runtime {
    $information = [System.Runtime.InteropServices.RuntimeInformation]
    $architecture = $information::OSArchitecture.ToString().ToLowerInvariant()
    if ($information::IsOSPlatform([System.Runtime.InteropServices.OSPlatform]::Windows)) { return "win-$architecture" }
    if ($information::IsOSPlatform([System.Runtime.InteropServices.OSPlatform]::OSX)) { return "osx-$architecture" }
    $isMusl = [System.IO.Directory]::Exists('/lib') -and [System.IO.Directory]::GetFiles('/lib', 'ld-musl-*').Length -gt 0
    if ($isMusl) { return "linux-musl-$architecture" }
    return "linux-$architecture"
}

function Get-Version {
    $properties = [xml] [System.IO.File]::ReadAllText([System.IO.Path]::Combine($PSScriptRoot, 'Directory.Build.props'))
    return [string] $properties.SelectSingleNode('/Project/PropertyGroup/Version').InnerText
}

# For "dotnet run": what comes after the double dash is the program's.
function Join-Rest([string[]] $Arguments) {
    if ($Rest.Length -gt 0) { return $Arguments + '--' + $Rest }
    return $Arguments
}

function Write-File([string] $File, [string] $Text) {
    [System.IO.File]::WriteAllText($File, $Text)
}

# The bill of materials in CycloneDX 1.6: all packages that the lock file names, with their hashes. Nothing in it depends on the day or
# the machine. Microsoft.DotNet.ILCompiler brings the .NET runtime and libraries that are compiled in; what only builds is excluded.
function Get-Bill([string] $Platform, [string] $Hash) {
    $version = Get-Version
    # As Sidecar.csproj has it.
    $name = 'packages.lock.json'
    if ($Platform -eq 'linux-arm64') { $name = 'packages.linux-arm64.lock.json' }
    $lock = [System.IO.Path]::Combine($PSScriptRoot, 'src', 'Sidecar', $name)
    $document = [System.Text.Json.JsonDocument]::Parse([System.IO.File]::ReadAllText($lock))
    $components = @()
    foreach ($package in $document.RootElement.GetProperty('dependencies').GetProperty('net10.0').EnumerateObject()) {
        $name = $package.Name
        $resolved = $package.Value.GetProperty('resolved').GetString()
        $sha512 = [System.Convert]::FromBase64String($package.Value.GetProperty('contentHash').GetString())
        $sha512 = [System.BitConverter]::ToString($sha512).Replace('-', '').ToLowerInvariant()
        $scope = 'required'
        if ($name -eq 'Microsoft.NET.ILLink.Tasks') { $scope = 'excluded' }
        $components += @"
    {
      "type": "library",
      "bom-ref": "pkg:nuget/$name@$resolved",
      "name": "$name",
      "version": "$resolved",
      "scope": "$scope",
      "hashes": [{ "alg": "SHA-512", "content": "$sha512" }],
      "purl": "pkg:nuget/$name@$resolved"
    }
"@
    }
    return @"
{
  "bomFormat": "CycloneDX",
  "specVersion": "1.6",
  "version": 1,
  "metadata": {
    "component": {
      "type": "application",
      "bom-ref": "sidecar",
      "name": "sidecar",
      "version": "$version",
      "hashes": [{ "alg": "SHA-256", "content": "$Hash" }]
    }
  },
  "components": [
$([string]::Join(",`n", $components))
  ]
}

"@
}

function Get-Hash([string] $File) {
    $sha256 = [System.Security.Cryptography.SHA256]::Create()
    return [System.BitConverter]::ToString($sha256.ComputeHash([System.IO.File]::ReadAllBytes($File))).Replace('-', '').ToLowerInvariant()
}

# What links for another platform than this machine's: clang does it where it is installed, a cross gcc where that is.
function Get-LinkerOptions([string] $Platform) {
    if ($Platform -eq (Get-Runtime)) { return @() }
    $triple = switch ($Platform) { 'linux-arm64' { 'aarch64-linux-gnu' } 'linux-x64' { 'x86_64-linux-gnu' } default { '' } }
    if ($triple -eq '' -or -not (Get-Command -Name "$triple-gcc" -CommandType Application -ErrorAction Ignore)) { return @() }
    return @("-p:CppCompilerAndLinker=$triple-gcc", "-p:ObjCopyName=$triple-objcopy")
}

# A tar.gz with what a host needs, in a folder of its own name. Nothing in it depends on the day, the machine or the order of a disk.
function New-Archive([string] $Archive, [string] $Root, [string[]] $Files) {
    $null = [System.Reflection.Assembly]::Load('System.Formats.Tar')
    $day = [System.DateTimeOffset]::new(2000, 1, 1, 0, 0, 0, [System.TimeSpan]::Zero)
    $stream = [System.IO.File]::Create($Archive)
    $gzip = [System.IO.Compression.GZipStream]::new($stream, [System.IO.Compression.CompressionLevel]::SmallestSize)
    $writer = [System.Formats.Tar.TarWriter]::new($gzip, [System.Formats.Tar.TarEntryFormat]::Ustar, $false)
    try {
        foreach ($file in $Files) {
            $name = [System.IO.Path]::GetFileName($file)
            $entry = [System.Formats.Tar.UstarTarEntry]::new([System.Formats.Tar.TarEntryType]::RegularFile, "$Root/$name")
            $entry.ModificationTime = $day
            # rw-r--r--, and rwxr-xr-x for what is run.
            $entry.Mode = [System.IO.UnixFileMode] 420
            if ($name -eq 'sidecar' -or $name -eq 'sidecar.exe') { $entry.Mode = [System.IO.UnixFileMode] 493 }
            $entry.DataStream = [System.IO.MemoryStream]::new([System.IO.File]::ReadAllBytes($file))
            $writer.WriteEntry($entry)
        }
    }
    finally {
        $writer.Dispose()
        $gzip.Dispose()
        $stream.Dispose()
    }
    Write-File "$Archive.sha256" "$(Get-Hash $Archive)  $([System.IO.Path]::GetFileName($Archive))`n"
}

function Publish-Platform([string] $Platform, [string] $Folder) {
    Invoke-Native 'dotnet' (@('publish', 'src/Sidecar', '-c', $Configuration, '-r', $Platform, '-o', $Folder) + (Get-LinkerOptions $Platform) + $Rest)

    $name = 'sidecar'
    if ($Platform.StartsWith('win')) { $name = 'sidecar.exe' }
    $file = [System.IO.Path]::Combine($Folder, $name)
    $size = [System.IO.FileInfo]::new($file).Length
    $hash = Get-Hash $file
    $file
    Write-File "$file.sha256" "$hash  $name`n"
    $bill = [System.IO.Path]::Combine($Folder, 'sidecar.cdx.json')
    Write-File $bill (Get-Bill $Platform $hash)
    $root = "sidecar-$(Get-Version)-$Platform"
    $deploy = [System.IO.Path]::Combine($PSScriptRoot, 'src', 'deploy')
    New-Archive ([System.IO.Path]::Combine($Folder, "$root.tar.gz")) $root @(
        $file, $bill, [System.IO.Path]::Combine($PSScriptRoot, 'LICENSE'),
        [System.IO.Path]::Combine($deploy, 'sidecar.service'), [System.IO.Path]::Combine($deploy, 'sidecar.env'))
    [string]::Format([cultureinfo]::InvariantCulture, '{0:N0} bytes ({1:0.00} MB)', $size, $size / 1e6)
    "SHA-256 $hash"
    if ($size -gt $sizeLimit) {
        Stop-Task ([string]::Format([cultureinfo]::InvariantCulture, 'the binary is {0:0.00} MB; at most 8 MB are allowed.', $size / 1e6))
    }
}

function Publish-Sidecar {
    if ($Runtime.Length -eq 0) { $Runtime = @(Get-Runtime) }
    foreach ($platform in $Runtime) {
        $to = $folder
        if ($Runtime.Length -gt 1) { $to = [System.IO.Path]::Combine($folder, $platform) }
        Publish-Platform $platform $to
    }
}

function New-Image {
    $seen = @()
    foreach ($engine in $engines) {
        if (-not (Get-Command -Name $engine -CommandType Application -ErrorAction Ignore)) {
            $seen += "$engine (not installed)"
            continue
        }
        & $engine info *> $null
        if ($LASTEXITCODE -ne 0) {
            $seen += "$engine (installed, but no engine answers it)"
            continue
        }
        $version = Get-Version
        # Engines before Docker 23 have BuildKit, and ask for this word to use it.
        $env:DOCKER_BUILDKIT = '1'
        Invoke-Native $engine (@(
            'build', '--file', 'Dockerfile.distroless', '--build-arg', "VERSION=$version",
            '--tag', "sidecar:$version", '--tag', 'sidecar:latest') + $Rest + '.')
        return
    }
    Stop-Task "an image needs a container engine, and none answers. Looked for: $($seen -join ', ')."
}

function Show-Help {
    @'
./build.ps1 TASK [-Configuration Release] [-Runtime RID,...] [-Output FOLDER] [-- ARGUMENTS]

  build     compiles the solution
  test      runs all tests, as the README does
  publish   makes the native executable in artifacts/sidecar (or -Output), for this machine (or -Runtime);
            prints its size and SHA-256, and fails if it is over 8 MB; beside it come sidecar.sha256, the bill
            of materials sidecar.cdx.json (CycloneDX), and an archive with all that a host needs. For both
            platforms at once: ./build.ps1 publish -Runtime linux-x64,linux-arm64
  image     builds the container image with docker, podman or nerdctl, whichever answers first
  bench     runs the benchmarks
  demo      runs the sidecar against a stand-in cluster on loopback, until Ctrl-C

What follows -- goes to the program behind the task: ./build.ps1 demo -- --duration 30s
PowerShell splits a bare -p:NAME=VALUE in two; quote it: ./build.ps1 publish -- '-p:NAME=VALUE'
'@
}

# Relative to where the caller stands, as with any command.
$folder = [System.IO.Path]::Combine($PSScriptRoot, 'artifacts', 'sidecar')
if ($Output -ne '') { $folder = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Output) }

$path = $ExecutionContext.SessionState.Path
$path.PushCurrentLocation('build.ps1')
try {
    $null = $path.SetLocation([WildcardPattern]::Escape($PSScriptRoot))
    switch ($Task) {
        'build' { Invoke-Native 'dotnet' (@('build', 'Sidecar.sln', '-c', $Configuration) + $Rest) }
        'test' { Invoke-Native 'dotnet' (@('test', '--solution', 'Sidecar.sln', '-c', $Configuration) + $Rest) }
        'publish' { Publish-Sidecar }
        'image' { New-Image }
        'bench' { Invoke-Native 'dotnet' (Join-Rest @('run', '-c', $Configuration, '--project', 'tests/Sidecar.Benchmarks')) }
        'demo' { Invoke-Native 'dotnet' (Join-Rest @('run', '-c', $Configuration, '--project', 'tests/Cluster')) }
        'help' { Show-Help }
        default { Stop-Task 'there is no such task. There are: build, test, publish, image, bench, demo, help.' 2 }
    }
}
finally {
    $null = $path.PopLocation('build.ps1')
}
exit 0
