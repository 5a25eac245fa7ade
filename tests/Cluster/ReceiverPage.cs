using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Cluster;

/// <summary>A page that plots, live, what the receiver of the demo gets: <c>/</c>, and its figures as JSON at <c>/data</c>.</summary>
internal sealed class ReceiverPage(Receiver receiver, Timeline timeline, TimeProvider time) : IAsyncDisposable
{
    private const int Seconds = 150;

    private readonly List<(long From, long To)> outages = [];
    private WebApplication? application;

    public Uri Address { get; private set; } = new("http://127.0.0.1/");

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l => l.Protocols = HttpProtocols.Http1));
        application = builder.Build();
        application.Run(AnswerAsync);
        await application.StartAsync();
        Address = new Uri(application.Urls.First());
    }

    public async ValueTask DisposeAsync()
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
            // A browser held its connection; it is cut.
        }
        await application.DisposeAsync();
    }

    private Task AnswerAsync(HttpContext context)
    {
        switch (context.Request.Path.Value)
        {
            case "/":
                context.Response.ContentType = "text/html; charset=utf-8";
                return context.Response.WriteAsync(Html);
            case "/data":
                context.Response.ContentType = "application/json";
                context.Response.Headers.CacheControl = "no-store";
                return context.Response.WriteAsync(Data());
            default:
                context.Response.StatusCode = 404;
                return Task.CompletedTask;
        }
    }

    /// <summary>Times in seconds before now.</summary>
    private string Data()
    {
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        var output = new MemoryStream();
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteNumber("seconds", Seconds);
            json.WriteNumber("series", receiver.SeriesCount);
            json.WriteNumber("samples", receiver.Samples);
            json.WriteNumber("bytes", receiver.Bytes);
            json.WriteBoolean("accepts", !IsAway);
            json.WriteStartArray("arrivals");
            foreach (var (second, samples) in timeline.Arrivals(now / 1000 - Seconds))
            {
                if (second == now / 1000)
                    continue; // not over yet
                json.WriteStartArray();
                json.WriteNumberValue(now / 1000 - second);
                json.WriteNumberValue(samples);
                json.WriteEndArray();
            }
            json.WriteEndArray();
            json.WriteStartArray("outages");
            lock (outages)
            {
                foreach (var (from, to) in outages.Where(o => o.To > now - Seconds * 1000))
                {
                    json.WriteStartArray();
                    json.WriteNumberValue((now - from) / 1000.0);
                    json.WriteNumberValue(Math.Max(0, now - to) / 1000.0);
                    json.WriteEndArray();
                }
            }
            json.WriteEndArray();
            json.WriteStartArray("targets");
            foreach (var (instance, scrapes) in timeline.Scrapes(now - Seconds * 1000))
            {
                json.WriteStartObject();
                json.WriteString("instance", instance);
                json.WriteStartArray("scrapes");
                foreach (var scrape in scrapes)
                {
                    json.WriteStartArray();
                    json.WriteNumberValue((now - scrape.At) / 1000.0);
                    json.WriteNumberValue(scrape.Samples);
                    json.WriteStringValue(scrape.IsEnd ? "ended" : scrape.Up == 0 ? "down" : IsLate(scrape) ? "late" : "up");
                    json.WriteNumberValue(scrape.Markers);
                    json.WriteEndArray();
                }
                json.WriteEndArray();
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(output.ToArray());
    }

    /// <summary>Whether it refuses everything now.</summary>
    public bool IsAway
    {
        get;
        set
        {
            var now = time.GetUtcNow().ToUnixTimeMilliseconds();
            lock (outages)
            {
                if (value)
                    outages.Add((now, long.MaxValue));
                else if (outages.Count > 0)
                    outages[^1] = (outages[^1].From, now);
            }
            field = value;
        }
    }

    /// <summary>It waited in the sidecar's queue.</summary>
    public static bool IsLate(ArrivedScrape scrape) => scrape.ArrivedAt - scrape.At > 3000;

    private const string Html = """
        <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Receiver</title>
        <meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
        <link rel="icon" href="data:,"><style>
        :root{--back:#f4f6f8;--card:#fff;--ink:#171c22;--dim:#56616d;--line:#dde2e8;
        --up:#1f5fc4;--late:#b07400;--down:#be2430;--ended:#8b95a1}
        @media(prefers-color-scheme:dark){:root{--back:#0e1217;--card:#161b22;--ink:#e3e8ee;--dim:#98a3af;--line:#2a323c;--up:#74acff;
        --late:#e3ab4f;--down:#ff837c;--ended:#626d79}}
        *{box-sizing:border-box}body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,sans-serif;
        font-variant-numeric:tabular-nums}
        main{max-width:1120px;margin:0 auto;padding:20px 16px;display:grid;gap:14px;grid-template-columns:minmax(0,1fr)}
        h1{font-size:20px;margin:0}h2{font-size:13px;font-weight:600;color:var(--dim);margin:0 0 6px}p{margin:0;color:var(--dim)}
        .card{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:12px 16px}
        #state{font-size:18px;font-weight:600;color:var(--ink)}#state.away{color:var(--down)}
        svg{display:block;width:100%;overflow:visible}rect{shape-rendering:crispEdges}
        .outage{fill:var(--down);opacity:.18}.up{fill:var(--up)}.late{fill:var(--late)}.down{fill:var(--down)}.ended{fill:var(--ended)}
        .axis{display:flex;justify-content:space-between;font-size:12px;margin-top:4px}
        .legend{display:flex;flex-wrap:wrap;gap:2px 18px;font-size:13px}.legend i{display:inline-block;
        width:9px;height:9px;border-radius:2px;margin-right:6px}
        .row{margin-bottom:10px}.row code{font:13px ui-monospace,monospace;color:var(--dim)}
        </style></head><body><main><h1>Receiver of the demo</h1><p id="state" role="status">Waiting for the first request</p>
        <section class="card"><h2>Samples accepted, by the second in which they came</h2>
        <svg id="arrivals" viewBox="0 0 150 60" preserveAspectRatio="none" height="150" role="img" aria-label="Samples accepted by second">
        </svg><p class="axis"><span>150 s ago</span><span id="most"></span><span>now</span></p></section>
        <section class="card"><h2>Scrapes of each target, by the time at which they were made</h2><div id="targets"></div>
        <p class="axis"><span>150 s ago</span><span>now</span></p><p class="legend">
        <span><i style="background:var(--up)"></i>came at once</span>
        <span><i style="background:var(--late)"></i>waited in the sidecar's queue and came later</span>
        <span><i style="background:var(--down)"></i>failed: up is 0, and its series end</span>
        <span><i style="background:var(--down);opacity:.3"></i>the receiver answered 503 to everything</span>
        <span><i style="background:var(--ended)"></i>the target is gone: the last of its series end</span></p></section></main><script>
        const $ = id => document.getElementById(id), ns = 'http://www.w3.org/2000/svg', n = x => x.toLocaleString('en');
        function bars(svg, list) {
          svg.replaceChildren(...list.map(([x, y, w, h, kind, words]) => {
            const bar = document.createElementNS(ns, 'rect'), title = document.createElementNS(ns, 'title');
            for (const [name, value] of Object.entries({x, y, width: w, height: h, class: kind})) bar.setAttribute(name, value);
            title.textContent = words; bar.append(title); return bar;
          }));
        }
        async function draw() {
          let data;
          try { data = await (await fetch('/data')).json(); } catch { $('state').textContent = 'The demo has ended'; return; }
          $('state').className = data.accepts ? '' : 'away';
          $('state').textContent = (data.accepts ? 'Accepts: ' : 'Answers 503 to everything: ') + n(data.series) + ' series alive, '
            + n(data.samples) + ' samples in ' + (data.bytes / 1e6).toFixed(1) + ' MB so far';
          const most = Math.max(1, ...data.arrivals.map(a => a[1])), end = data.seconds;
          $('most').textContent = 'highest ' + n(most) + ' in a second';
          const away = height => data.outages.map(([from, to]) => [end - Math.min(from, end), 0, Math.min(from, end) - to, height,
            'outage', 'answered 503 to everything']);
          bars($('arrivals'), away(60).concat(data.arrivals.map(([ago, samples]) => [end - ago, 60 - 60 * samples / most, .85,
            60 * samples / most, 'up', n(samples) + ' samples'])));
          while ($('targets').children.length > data.targets.length) $('targets').lastChild.remove();
          data.targets.forEach((target, i) => {
            let row = $('targets').children[i];
            if (!row) {
              row = document.createElement('div'); row.className = 'row'; row.append(document.createElement('code'));
              const svg = document.createElementNS(ns, 'svg');
              for (const [name, value] of Object.entries({viewBox: '0 0 150 10', preserveAspectRatio: 'none', height: 26, role: 'img'}))
                svg.setAttribute(name, value);
              row.append(svg); $('targets').append(row);
            }
            row.firstChild.textContent = target.instance;
            row.lastChild.setAttribute('aria-label', 'Scrapes of ' + target.instance);
            bars(row.lastChild, away(10).concat(target.scrapes.map(([ago, samples, kind, markers]) => [end - ago, 0, .85, 10, kind,
              n(samples) + ' samples' + (markers ? ', of which ' + n(markers) + ' staleness markers' : '')])));
          });
          setTimeout(draw, 1000);
        }
        draw();
        </script></body></html>
        """;
}
