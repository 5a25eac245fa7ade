using Microsoft.Extensions.Time.Testing;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Http;

/// <summary>A client under test: what it gets, or the failure in which it ends.</summary>
internal sealed class Asking : IDisposable
{
    private readonly FakeTimeProvider time = new();
    private readonly LogText log = new();
    private readonly PeerClient client;

    public Asking(HttpOptions options) =>
        client = new PeerClient(options, maxConnectionsPerServer: 2, time, new Log(log, LogLevel.Debug, LogFormat.Logfmt, time));

    /// <summary>Lines that were logged.</summary>
    public string Log => log.ToString();

    public void Dispose() => client.Dispose();

    /// <summary>The files of certificates are due to be looked at again.</summary>
    public void PassTime() => time.Advance(TimeSpan.FromSeconds(2));

    public Task<string> GetAsync(Uri url) => GetAsync(() => new HttpRequestMessage(HttpMethod.Get, url));

    /// <summary>Status and body.</summary>
    public async Task<string> GetAsync(Func<HttpRequestMessage> create)
    {
        using var response = await client.SendAsync(create, TestContext.Current.CancellationToken);
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync());
        return $"{(int)response.StatusCode} {await reader.ReadToEndAsync()}";
    }

    public async Task<Failure> FailAsync(Uri url)
    {
        var exception = await Assert.ThrowsAnyAsync<Exception>(() => GetAsync(url));
        return Failures.From(exception, url);
    }
}
