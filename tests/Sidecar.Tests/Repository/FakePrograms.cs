
namespace Sidecar.Tests.Repository;

/// <summary>Shell scripts that stand in for programs, in a folder for the front of PATH; each writes down how it was called.</summary>
internal sealed class FakePrograms : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("sidecar-programs").FullName;

    public string At(string name) => Path.Combine(Folder, name);

    public void Add(string name, string script)
    {
        if (OperatingSystem.IsWindows())
            throw new PlatformNotSupportedException();
        File.WriteAllText(At(name), $"#!/bin/sh\necho \"{name} $*\" >> '{At("calls")}'\n{script}\n");
        File.SetUnixFileMode(At(name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>One line a call, in their order.</summary>
    public string[] Calls() => File.Exists(At("calls")) ? File.ReadAllLines(At("calls")) : [];

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
