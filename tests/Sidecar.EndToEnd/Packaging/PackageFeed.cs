using System.Net;
using System.Text;

namespace Sidecar.EndToEnd.Packaging;

/// <summary>
/// A package feed of one's own (NuGet's protocol, version 3, as far as a restore goes), which wants a password and has what this machine
/// has restored.
/// </summary>
internal sealed class PackageFeed : IDisposable
{
    public const string Password = "only-in-the-secret";

    private static readonly string Packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES")
        ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");

    private readonly HttpListener listener = new();
    private readonly string address = $"http://127.0.0.1:{RealServer.FreePort()}/";
    private readonly string folder = Directory.CreateTempSubdirectory("sidecar-feed").FullName;
    private int served;

    public PackageFeed()
    {
        listener.Prefixes.Add(address);
        listener.Start();
        Configuration = Path.Combine(folder, "NuGet.Config");
        File.WriteAllText(Configuration, $"""
            <?xml version="1.0" encoding="utf-8"?>
            <configuration>
              <packageSources>
                <clear />
                <add key="company" value="{address}index.json" protocolVersion="3" allowInsecureConnections="true" />
              </packageSources>
              <packageSourceCredentials>
                <company>
                  <add key="Username" value="builder" />
                  <add key="ClearTextPassword" value="{Password}" />
                </company>
              </packageSourceCredentials>
            </configuration>
            """);
        _ = ServeAsync();
    }

    /// <summary>Packages that were asked for with the password.</summary>
    public int Served => Volatile.Read(ref served);

    /// <summary>A NuGet.Config that names it and no other.</summary>
    public string Configuration { get; }

    public void Dispose()
    {
        listener.Close();
        Directory.Delete(folder, recursive: true);
    }

    private async Task ServeAsync()
    {
        while (listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException)
            {
                return;
            }
            await AnswerAsync(context);
        }
    }

    private async Task AnswerAsync(HttpListenerContext context)
    {
        using var response = context.Response;
        if (context.Request.Headers["Authorization"] != "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes($"builder:{Password}")))
        {
            response.StatusCode = 401;
            response.AddHeader("WWW-Authenticate", "Basic realm=\"packages\"");
            return;
        }
        switch (context.Request.Url!.AbsolutePath.Trim('/').Split('/'))
        {
            case ["index.json"]:
                await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes(
                    $$"""{"version":"3.0.0","resources":[{"@id":"{{address}}flat/","@type":"PackageBaseAddress/3.0.0"}]}"""));
                return;
            case ["flat", var id, "index.json"] when Directory.Exists(Path.Combine(Packages, id)):
                var versions = Directory.EnumerateDirectories(Path.Combine(Packages, id)).Select(v => $"\"{Path.GetFileName(v)}\"");
                await response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes($$"""{"versions":[{{string.Join(',', versions)}}]}"""));
                return;
            case ["flat", var id, var version, var file] when File.Exists(Path.Combine(Packages, id, version, file)):
                Interlocked.Increment(ref served);
                await using (var package = File.OpenRead(Path.Combine(Packages, id, version, file)))
                    await package.CopyToAsync(response.OutputStream);
                return;
            default:
                response.StatusCode = 404;
                return;
        }
    }
}
