namespace Sidecar.Tests.Http;

/// <summary>A folder of its own for a test's files.</summary>
internal sealed class Folder : IDisposable
{
    private readonly string path = Directory.CreateTempSubdirectory("sidecar-tests").FullName;

    public string At(string name) => Path.Combine(path, name);

    /// <summary>Replaces the file as a projected volume does: at once, never half written.</summary>
    public string Write(string name, string text)
    {
        var file = At(name);
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
        return file;
    }

    public void Dispose() => Directory.Delete(path, recursive: true);
}
