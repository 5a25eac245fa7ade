using System.Collections.Immutable;
using System.IO.Compression;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Tests.Requests;

namespace Sidecar.Tests.Scraping;

/// <summary>One target with the labels job and instance, scraped by hand.</summary>
internal sealed class ScrapeFixture : IDisposable
{
    public const string Labels = "instance=\"h:1\",job=\"j\"";

    public static readonly Failure Down = new(FailureReason.ConnectionRefused, "nobody listens");

    public static readonly ScrapeOptions Options = new()
    {
        JobName = "j",
        Interval = TimeSpan.FromSeconds(15),
        Timeout = TimeSpan.FromSeconds(10),
        Scheme = "http",
        MetricsPath = "/metrics",
        Params = null,
        Http = new HttpOptions(),
        HonorLabels = false,
        HonorTimestamps = true,
        TrackTimestampsStaleness = false,
        BodySizeLimit = 0,
        ExternalLabels = [],
    };

    private readonly TargetSeries series;
    private readonly PassContext sending;

    public ScrapeFixture(
        bool honorLabels = false, bool honorTimestamps = true, bool trackTimestamps = false, long bodySizeLimit = 0, long budget = 0,
        int samplesPerRequest = 2000, (string Name, string Value)[]? external = null, int sampleLimit = 0,
        LabelLimits labelLimits = default,
        SeriesRules? rules = null, ReceiverProtocol? protocol = null, Target? target = null)
    {
        Target = target ?? MakeTarget("h:1");
        var externalLabels = (external ?? []).Select(l => KeyValuePair.Create(l.Name, l.Value)).ToImmutableArray();
        var options = Options with
        {
            HonorLabels = honorLabels,
            HonorTimestamps = honorTimestamps,
            TrackTimestampsStaleness = trackTimestamps,
            BodySizeLimit = bodySizeLimit,
            ExternalLabels = externalLabels,
            SampleLimit = sampleLimit,
            LabelLimits = labelLimits,
        };
        Budget = new HeldBudget(budget);
        Context = new PassContext(samplesPerRequest, protocol);
        sending = new PassContext(samplesPerRequest, protocol);
        series = new TargetSeries(Target, new TargetLabels(Target.Labels, externalLabels, honorLabels, rules), options, Budget,
            Time, protocol);
    }

    public FakeTimeProvider Time { get; } = new();

    public Target Target { get; }

    public PassContext Context { get; }

    public HeldBudget Budget { get; }

    public ScrapeOutcome Outcome { get; private set; } = new();

    public static Target MakeTarget(string address, string job = "") => new(
        new Uri($"http://{address}/metrics"), [KeyValuePair.Create("job", "j"), KeyValuePair.Create("instance", address)], [], job: job);

    /// <summary>Gzip of the text, as a target sends it; <paramref name="cut"/> bytes are missing at its end.</summary>
    public static CompressedBody Body(string text, int cut = 0, BodyFormat format = default) =>
        Body(Encoding.UTF8.GetBytes(text), cut, format);

    public static CompressedBody Body(byte[] content, int cut = 0, BodyFormat format = default)
    {
        var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionLevel.Fastest, leaveOpen: true))
            gzip.Write(content);
        var body = new CompressedBody { Format = format };
        body.OpenWrite().Write(bytes.GetBuffer().AsSpan(0, (int)bytes.Length - cut));
        return body;
    }

    /// <summary>The scrape found this text; null: it failed before there was a body.</summary>
    public ScrapeResult Scrape(string? text, long timestamp, int cut = 0, BodyFormat format = default) =>
        ScrapeBody(text is null ? null : Body(text, cut, format), timestamp);

    public ScrapeResult ScrapeBody(CompressedBody? body, long timestamp)
    {
        var started = Time.GetTimestamp();
        Time.Advance(TimeSpan.FromMilliseconds(250));
        Outcome = new ScrapeOutcome { Failure = body is null ? Down : default };
        var scrape = series.BeginScrape(Context, body, timestamp, started, Outcome).Finished();
        body?.Release();
        return scrape;
    }

    /// <summary>A pass over a scrape, for a pool.</summary>
    public ScrapePass Begin(PassContext context, CompressedBody body, long timestamp)
    {
        Outcome = new ScrapeOutcome();
        return series.BeginScrape(context, body, timestamp, Time.GetTimestamp() - Time.TimestampFrequency / 4, Outcome);
    }

    public void Recall(Scrape last) => Assert.True(series.BeginRecall(Context, last).TryFinish(out _));

    public ScrapeResult End(long timestamp) => series.BeginEnd(Context, timestamp).Finished();

    /// <summary>All samples of a scrape as they are sent: the held requests, then the streamed ones. Releases the scrape.</summary>
    public List<SentSample> Send(ScrapeResult scrape)
    {
        var samples = SentSample.Read(Requests(scrape));
        Assert.Equal(scrape.Scrape.Samples, samples.Count);
        scrape.Release();
        return samples;
    }

    public List<EncodedRequest> Requests(ScrapeResult scrape)
    {
        var requests = new List<EncodedRequest>(scrape.Held?.Requests ?? []);
        return scrape.Held is { IsComplete: true } ? requests : [.. requests, .. Stream(scrape)];
    }

    /// <summary>What is left to stream of a scrape.</summary>
    public List<EncodedRequest> Stream(ScrapeResult scrape)
    {
        var requests = new List<EncodedRequest>();
        var stream = new RequestStream(scrape.Scrape, scrape.Held, sending);
        while (stream.TryNext(out var request) && request is not null)
            requests.Add(request);
        return requests;
    }

    /// <summary>
    /// One scrape and what is sent of it, without the labels of the target: <c>a 1 @1000</c>; the report series left out except up.
    /// </summary>
    public List<string> Sent(string? text, long timestamp, int cut = 0, BodyFormat format = default) =>
        Lines(Send(Scrape(text, timestamp, cut, format)));

    public List<string> SentBody(CompressedBody body, long timestamp) => Lines(Send(ScrapeBody(body, timestamp)));

    public static List<string> Lines(IEnumerable<SentSample> samples) =>
    [
        .. samples.Where(s => !s.Series.StartsWith("scrape_", StringComparison.Ordinal))
            .Select(s => s.ToString().Replace($"{{{Labels}}}", "").Replace($"{Labels},", "").Replace($",{Labels}", "")),
    ];

    public void Dispose()
    {
        series.Dispose();
        Context.Reader.Dispose();
        sending.Reader.Dispose();
    }
}
