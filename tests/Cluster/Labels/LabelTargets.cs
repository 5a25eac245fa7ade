using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Cluster.Labels;

/// <summary>
/// Targets on loopback ports whose series differ in one label's value: <c>m{v="aaa-17"} 17</c>, with a word for each target.
/// </summary>
public sealed class LabelTargets : IAsyncDisposable
{
    private readonly WebApplication application;
    private readonly int[] served;

    private LabelTargets(WebApplication application, int[] ports, int[] served) =>
        (this.application, Ports, this.served) = (application, ports, served);

    public IReadOnlyList<int> Ports { get; }

    /// <summary>Scrapes answered, by target.</summary>
    public IReadOnlyList<int> Served => served;

    /// <summary>The word in the values of one target.</summary>
    public static string Word(int target) => new((char)('a' + target), 3 + target);

    public static async Task<LabelTargets> StartAsync(int count, int series)
    {
        var bodies = Enumerable.Range(0, count).Select(t => Body(t, series)).ToArray();
        var served = new int[count];
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            for (var i = 0; i < count; i++)
                kestrel.Listen(IPAddress.Loopback, 0);
        });
        var application = builder.Build();
        int[] ports = [];
        application.Run(async context =>
        {
            var target = Array.IndexOf(ports, context.Connection.LocalPort);
            context.Response.ContentType = "text/plain; version=0.0.4";
            context.Response.Headers.ContentEncoding = "gzip";
            await context.Response.Body.WriteAsync(bodies[target], context.RequestAborted);
            Interlocked.Increment(ref served[target]);
        });
        await application.StartAsync();
        ports = [.. application.Urls.Select(u => new Uri(u).Port)];
        return new LabelTargets(application, ports, served);
    }

    public async ValueTask DisposeAsync() => await application.DisposeAsync();

    private static byte[] Body(int target, int series)
    {
        var text = new StringBuilder();
        for (var i = 0; i < series; i++)
            text.Append("m{v=\"").Append(Word(target)).Append('-').Append(i).Append("\"} ").Append(i).Append('\n');
        return TargetBehaviour.Compress(Encoding.UTF8.GetBytes(text.ToString()));
    }
}
