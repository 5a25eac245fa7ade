using System.Collections;
using System.Globalization;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace Sidecar.Tests.Repository;

/// <summary>How a script ended: its exit code, what it and its programs printed, and where the engine then stood.</summary>
internal sealed record ScriptResult(int ExitCode, string Output, string Error, string Location)
{
    /// <summary>What a build warned of, but for the package audit (NU19..), which depends on the network and not on the sources.</summary>
    public string[] Warnings() =>
        [.. Output.Split('\n').Where(l => l.Contains(": warning ") && !l.Contains(": warning NU19"))];

    public override string ToString() => $"exit code {ExitCode}\n{Output}\n{Error}";
}

/// <summary>
/// PowerShell's engine without PowerShell: core language and native commands, no modules. Console.Error and the environment belong to
/// the whole process, so its tests run alone (see <see cref="BuildScriptCollection"/>).
/// </summary>
internal static class HostedPowerShell
{
    /// <param name="folder">Where the engine stands.</param>
    /// <param name="command">One line of PowerShell.</param>
    /// <param name="path">A folder that is searched for programs before all others; null for none.</param>
    public static ScriptResult Run(string folder, string command, string? path = null)
    {
        // Of a test runner's own build these would steer the builds below.
        var before = Environment.GetEnvironmentVariables().Cast<DictionaryEntry>().ToDictionary(e => (string)e.Key, e => (string?)e.Value);
        foreach (var name in before.Keys.Where(IsOfTheRunner))
            Environment.SetEnvironmentVariable(name, null);
        if (path is not null)
            Environment.SetEnvironmentVariable("PATH", path + Path.PathSeparator + before["PATH"]);
        var standardError = Console.Error;
        using var errors = new StringWriter(CultureInfo.InvariantCulture);
        Console.SetError(TextWriter.Synchronized(errors));
        try
        {
            using var runspace = RunspaceFactory.CreateRunspace(InitialSessionState.CreateDefault2());
            runspace.Open();
            runspace.SessionStateProxy.Path.SetLocation(WildcardPattern.Escape(folder));
            using var shell = PowerShell.Create(runspace);
            shell.AddScript(command);
            var output = string.Join('\n', shell.Invoke().Select(o => o?.ToString()));
            foreach (var error in shell.Streams.Error)
                errors.WriteLine(error);
            var state = runspace.SessionStateProxy;
            var exitCode = (int)state.GetVariable("LASTEXITCODE");
            return new ScriptResult(exitCode, output, errors.ToString(), state.Path.CurrentLocation.ProviderPath);
        }
        finally
        {
            Console.SetError(standardError);
            foreach (var (name, value) in before)
                Environment.SetEnvironmentVariable(name, value);
        }
    }

    private static bool IsOfTheRunner(string name) =>
        name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)
        || name.StartsWith("TESTINGPLATFORM", StringComparison.OrdinalIgnoreCase);
}
