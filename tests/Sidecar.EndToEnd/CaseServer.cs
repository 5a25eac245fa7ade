using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Sidecar.EndToEnd;

/// <summary>What one scrape finds.</summary>
public sealed record CaseAnswer(string Body, string? ContentType = CaseAnswer.Text, int Status = 200)
{
    public const string Text = "text/plain; version=0.0.4; charset=utf-8";

    public const string OpenMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

/// <summary>
/// A target for each case, each at a loopback address of its own: every scraper, told by its User-Agent, finds the answers of the case one
/// after another, and then the last one again and again.
/// </summary>
public sealed class CaseServer : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string Scraper, int Case), int> served = new();
    private readonly IReadOnlyList<IReadOnlyList<CaseAnswer>> cases;
    private readonly WebApplication application;

    private CaseServer(WebApplication application, IReadOnlyList<IReadOnlyList<CaseAnswer>> cases)
    {
        this.application = application;
        this.cases = cases;
    }

    public int Port { get; private set; }

    public static async Task<CaseServer> StartAsync(IReadOnlyList<IReadOnlyList<CaseAnswer>> cases)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Any, 0));
        var server = new CaseServer(builder.Build(), cases);
        server.application.Run(server.AnswerAsync);
        await server.application.StartAsync();
        server.Port = new Uri(server.application.Urls.First()).Port;
        return server;
    }

    /// <summary>host:port of a case.</summary>
    public string Address(int index) => $"127.0.{1 + (index / 200)}.{1 + (index % 200)}:{Port}";

    public async ValueTask DisposeAsync()
    {
        await application.StopAsync();
        await application.DisposeAsync();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var address = context.Connection.LocalIpAddress!.MapToIPv4().GetAddressBytes();
        var index = ((address[2] - 1) * 200) + address[3] - 1;
        var scraper = context.Request.Headers.UserAgent.ToString().Split('/')[0];
        var scrape = served.AddOrUpdate((scraper, index), 1, (_, count) => count + 1);
        var answers = cases[index];
        var answer = answers[Math.Min(scrape, answers.Count) - 1];
        context.Response.StatusCode = answer.Status;
        if (answer.ContentType is not null)
            context.Response.ContentType = answer.ContentType;
        var body = Encoding.UTF8.GetBytes(answer.Body);
        context.Response.ContentLength = body.Length;
        await context.Response.Body.WriteAsync(body);
    }
}
