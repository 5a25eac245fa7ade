using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Cluster.Campaigns;

/// <summary>
/// A target over plain HTTP that knows of each request what it was answered, and whether to its last byte. What fails, and how, follows
/// from the seed and the ordinal. It can be stopped and started again on its port; its ordinals go on.
/// </summary>
public sealed class CampaignTarget(int number, int seed, ServedSeries series, RefusedTurn refused) : IAsyncDisposable
{
    private readonly List<ServedScrape> scrapes = [];
    private WebApplication? application;
    private int ordinal;

    public int Number => number;

    public int Port { get; private set; }

    /// <summary>Fails, is slow, and has series that the receiver refuses.</summary>
    public bool IsTroubled { get; set; }

    public ServedScrape[] Scrapes
    {
        get
        {
            lock (scrapes)
                return [.. scrapes];
        }
    }

    public async Task StartAsync()
    {
        for (var tries = 1; ; tries++)
        {
            var builder = WebApplication.CreateSlimBuilder();
            builder.Logging.ClearProviders();
            builder.WebHost.ConfigureKestrel(kestrel =>
                kestrel.Listen(IPAddress.Loopback, Port, listen => listen.Protocols = HttpProtocols.Http1));
            var started = builder.Build();
            started.Run(AnswerAsync);
            try
            {
                await started.StartAsync();
                application = started;
                Port = new Uri(started.Urls.First()).Port;
                return;
            }
            catch (IOException) when (Port != 0 && tries < 60)
            {
                await started.DisposeAsync();
                await Task.Delay(500);
            }
        }
    }

    public async Task StopAsync()
    {
        if (application is null)
            return;
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        try
        {
            await application.StopAsync(atOnce.Token);
        }
        catch (OperationCanceledException)
        {
            // Cut rather than drained.
        }
        await application.DisposeAsync();
        application = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var now = Spells.Now;
        var own = Interlocked.Increment(ref ordinal);
        var draw = (int)(ServedSeries.Mix(seed, number, own, 1) % 200);
        var serving = !IsTroubled ? Serving.Good : draw switch
        {
            < 6 => Serving.Status,
            < 9 => Serving.ContentType,
            < 13 => Serving.Unparsable,
            < 17 => Serving.TruncatedGzip,
            < 22 => Serving.Cut,
            < 26 => Serving.TooSlow,
            < 50 => Serving.Slow,
            _ => Serving.Good,
        };
        var scrape = new ServedScrape(number, own, now, serving, IsTroubled && serving is Serving.Good && refused.Take());
        lock (scrapes)
            scrapes.Add(scrape);
        try
        {
            await AnswerAsync(context, scrape);
            await context.Response.CompleteAsync();
            if (!context.RequestAborted.IsCancellationRequested)
                scrape.Served = Spells.Now;
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client has gone, or the target stops.
        }
    }

    private async Task AnswerAsync(HttpContext context, ServedScrape scrape)
    {
        var (response, aborted) = (context.Response, context.RequestAborted);
        var style = ServedSeries.Mix(seed, number, scrape.Ordinal, 2);
        var isOpenMetrics = style % 2 == 0;
        var body = ServedSeries.Text(series.Of(number, Port, scrape.Ordinal, scrape.HasRefused), isOpenMetrics);
        if (scrape.Serving == Serving.Unparsable)
            body = [.. body.AsSpan(0, body.Length * 3 / 4), .. "\n}{ no sample\n"u8];
        response.ContentType = scrape.Serving == Serving.ContentType ? "text/html"
            : isOpenMetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
        if (style / 2 % 3 != 0 || scrape.Serving == Serving.TruncatedGzip)
        {
            body = TargetBehaviour.Compress(body);
            response.Headers.ContentEncoding = "gzip";
        }
        switch (scrape.Serving)
        {
            case Serving.Status:
                response.StatusCode = 503;
                break;
            case Serving.TruncatedGzip:
                body = body[..(body.Length * 2 / 3)];
                break;
            case Serving.TooSlow:
                await Task.Delay(Timeout.Infinite, aborted);
                break;
        }
        response.ContentLength = body.Length;
        var pieces = scrape.Serving is Serving.Slow or Serving.Cut ? 4 : 1;
        for (var i = 0; i < pieces; i++)
        {
            if (i > 0 && scrape.Serving == Serving.Slow)
                await Task.Delay((int)(style / 8 % 130), aborted);
            if (i == 2 && scrape.Serving == Serving.Cut)
            {
                context.Abort();
                return;
            }
            await response.Body.WriteAsync(body.AsMemory()[(body.Length * i / pieces)..(body.Length * (i + 1) / pieces)], aborted);
            await response.Body.FlushAsync(aborted);
        }
    }
}
