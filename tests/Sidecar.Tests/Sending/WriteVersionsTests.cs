using System.Collections.Concurrent;
using Cluster;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Tests.Exposition;
using Sidecar.Tests.Requests;
using Sidecar.Tests.Scraping;
using static Sidecar.Tests.Exposition.ProtobufBody;
using BucketSpan = Sidecar.Tests.Exposition.Wire.BucketSpan;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Sending;

/// <summary>What both versions of remote write carry beside plain samples, and that they say the same.</summary>
public sealed class WriteVersionsTests
{
    private const string Text = """
        # HELP http_requests_total How many.
        # TYPE http_requests_total counter
        http_requests_total{code="200",verb="GET"} 5
        http_requests_total{code="404",verb="GET"} 0
        # HELP d How long, "quoted" and \\ all.
        # TYPE d histogram
        d_bucket{le="0.1"} 1
        d_bucket{le="+Inf"} 2
        d_sum 3.5
        d_count 2
        plain{verb="GET",x="GET",GET="verb"} NaN
        at{a="200"} 1 900

        """;

    public static TheoryData<int> Versions => [1, 2];

    [Fact]
    public void Both_say_the_same_of_any_scrapes()
    {
        var payload = new ApiServerPayload(seed: 3, churn: 0.1);
        using var one = Fixture(1, samplesPerRequest: 700);
        using var two = Fixture(2, samplesPerRequest: 700);
        for (var scrape = 0; scrape < 4; scrape++)
        {
            CompressedBody Body()
            {
                var body = new CompressedBody();
                body.OpenWrite().Write(payload.Gzip(4000, scrape));
                return body;
            }
            var first = one.Send(one.ScrapeBody(Body(), 1000 * (scrape + 1)));
            Assert.Equal(first, two.Send(two.ScrapeBody(Body(), 1000 * (scrape + 1))));
            Assert.InRange(first.Count, 4005, 5000);
        }
        Assert.Equal(one.Send(one.Scrape(Text, 9000)), two.Send(two.Scrape(Text, 9000)));
        Assert.Equal(one.Send(one.Scrape(null, 10_000)), two.Send(two.Scrape(null, 10_000)));
        Assert.Equal(one.Send(one.End(11_000)), two.Send(two.End(11_000)));
    }

    [Fact]
    public void In_2_0_each_series_has_type_help_and_unit()
    {
        var series = Second("# HELP a_seconds Some help.\n# TYPE a_seconds gauge\n# UNIT a_seconds seconds\na_seconds 1\n# TYPE h histogram\n"
            + "h_bucket{le=\"+Inf\"} 1\nh_sum 1\nh_count 1\nnothing 1\n# EOF\n", BodyFormat.OpenMetricsText100, out var symbols);
        Assert.Equal(
            ["a_seconds 2 'Some help.' 'seconds'", "h_bucket 3 '' ''", "h_sum 3 '' ''", "h_count 3 '' ''", "nothing -", "up -"],
            series.Where(s => !Name(s).StartsWith("scrape_", StringComparison.Ordinal)).Select(s => s.Metadata is { } m
                ? $"{Name(s)} {m.Type} '{symbols[(int)m.HelpRef]}' '{symbols[(int)m.UnitRef]}'" : $"{Name(s)} -"));

        string Name(Cluster.Wire.V2.TimeSeries one) => symbols[(int)one.LabelsRefs[1]];
    }

    [Fact]
    public void In_2_0_start_timestamps_go_with_the_sample()
    {
        var counter = Counter(5);
        counter.Counter.CreatedTimestamp = Time(777);
        var histogram = NativeHistogram();
        histogram.CreatedTimestamp = Time(888);
        var series = Second(Of(Family("c", MetricKind.Counter, counter), Family("h", MetricKind.Histogram, Native(histogram)),
            Family("g", MetricKind.Gauge, Gauge(1))),
            BodyFormat.PrometheusProto, out _);
        Assert.Equal(777, series[0].Samples.Single().StartTimestamp);
        Assert.Equal(888, series[1].Histograms.Single().StartTimestamp);
        Assert.Equal(0, series[2].Samples.Single().StartTimestamp);
    }

    [Theory, MemberData(nameof(Versions))]
    public void Exemplars_go_with_their_series(int version)
    {
        var request = Requests(version,
            "# TYPE a counter\na_total 5 # {trace_id=\"abc\",z=\"\",b=\"1\"} 0.5 1.5\nb_total 1 # {} 2\n# EOF\n",
            BodyFormat.OpenMetricsText100).Single();
        Assert.Equal(2, request.Exemplars);
        var series = SentSample.Decode(request).Timeseries;
        Assert.Equal(["b=1,trace_id=abc 0.5 @1500", " 2 @1000"], series.Take(2).Select(s => s.AsReceived().Exemplars.Single())
            .Select(e => $"{string.Join(',', e.Labels.Select(l => $"{l.Name}={l.Value}"))} {e.Value} @{e.Timestamp}"));
    }

    [Theory, MemberData(nameof(Versions))]
    public void Native_histograms_are_kept_to_the_bucket(int version)
    {
        var counts = new Histogram
        {
            SampleCountFloat = 3.5, SampleSum = -1, Schema = -2, ZeroThreshold = 0.5, ZeroCountFloat = 0,
            PositiveSpan = { new BucketSpan { Offset = 1, Length = 2 } }, PositiveCount = { 1.5, 2 },
        };
        var request = Requests(version, Of(
            Family("i", MetricKind.Histogram, Native(NativeHistogram(), "a", "b")),
            Family("f", MetricKind.GaugeHistogram, Native(counts))), BodyFormat.PrometheusProto).Single();
        Assert.Equal((7, 2), (request.Samples, request.Histograms));
        var series = SentSample.Decode(request).Timeseries.Select(s => s.AsReceived()).ToList();
        Assert.Equal("""{ "countInt": "6", "sum": 4.5, "schema": 1, "zeroThreshold": 0.001, "zeroCountInt": "2", "negativeSpans": [ { "offset": -3, "length": 1 } ], "negativeDeltas": [ "1" ], "positiveSpans": [ { "length": 1 }, { "offset": 2, "length": 1 } ], "positiveDeltas": [ "1", "1" ], "timestamp": "1000" }""",
            series[0].Histograms.Single().ToString());
        Assert.Equal("""{ "countFloat": 3.5, "sum": -1, "schema": -2, "zeroThreshold": 0.5, "zeroCountFloat": 0, "positiveSpans": [ { "offset": 1, "length": 2 } ], "positiveCounts": [ 1.5, 2 ], "resetHint": 3, "timestamp": "1000" }""",
            series[1].Histograms.Single().ToString());
        Assert.All(series.Take(2), s => Assert.Empty(s.Samples));
    }

    [Theory, MemberData(nameof(Versions))]
    public void A_native_histogram_that_vanished_gets_a_marker(int version)
    {
        using var fixture = Fixture(version);
        fixture.ScrapeBody(ScrapeFixture.Body(Of(Family("h", MetricKind.Histogram, Native(NativeHistogram()))),
            format: BodyFormat.PrometheusProto), 1000).Release();
        Assert.Equal(["h stale @2000", "up 1 @2000"], fixture.Sent("", 2000));
    }

    [Theory, MemberData(nameof(Versions))]
    public void Halving_keeps_everything_in_its_half(int version)
    {
        var whole = Requests(version, Of(
            Family("h", MetricKind.Histogram, Native(NativeHistogram(), "a", "b")),
            Family("c", MetricKind.Counter, WithExemplar(Counter(1, "a", "b")), Counter(2, "c", "d"))), BodyFormat.PrometheusProto)
            .Single();
        var single = new List<EncodedRequest>();
        Split(whole);
        Assert.Equal(whole.Samples, single.Count);
        Assert.Equal([1, 0, 0, 0, 0, 0, 0, 0], single.Select(r => r.Histograms));
        Assert.Equal([0, 1, 0, 0, 0, 0, 0, 0], single.Select(r => r.Exemplars));
        Assert.Equal(SentSample.Decode(whole).Timeseries, single.SelectMany(r => SentSample.Decode(r).Timeseries));
        Assert.Equal("h{a=\"b\",instance=\"h:1\",job=\"j\"}", new OpenedRequest(single[0]).Describe(0));
        Assert.Equal("c{c=\"d\",instance=\"h:1\",job=\"j\"}", new OpenedRequest(single[2]).Describe(0));

        void Split(EncodedRequest part)
        {
            if (part.Samples > 1)
            {
                var (first, second) = OpenedRequestTests.Halves(part);
                Split(first);
                Split(second);
            }
            else
                single.Add(part);
        }

        static Metric WithExemplar(Metric metric)
        {
            metric.Counter.Exemplar = Exemplar(0.5, 900, "trace", "x");
            return metric;
        }
    }

    [Fact]
    public void Any_number_of_symbols_is_found_again()
    {
        var table = new SymbolTable();
        for (var again = 0; again < 3; again++)
        {
            var count = 10_000 * again + 100;
            for (var pass = 0; pass < 2; pass++)
            {
                for (var i = 0; i < count; i++)
                    Assert.Equal((uint)(i + 1), table.Add(System.Text.Encoding.UTF8.GetBytes($"{again} symbol {i}")));
            }
            Assert.Equal(0u, table.Add([]));
            var request = Cluster.Wire.V2.Request.Parser.ParseFrom(table.Field.ToArray());
            Assert.Equal(count + 1, request.Symbols.Count);
            table.Clear();
            Assert.Equal(0, table.Size);
        }
    }

    [Fact]
    public void In_1_0_metadata_is_sent_once_a_minute_by_itself()
    {
        using var fixture = Fixture(1);
        var scrape = fixture.Scrape(Text, 1000);
        var request = Assert.Single(scrape.Metadata);
        Assert.Equal((2, 0), (request.Metadata, request.Samples));
        Assert.Equal(["http_requests_total 1 How many.", "d 3 How long, \"quoted\" and \\ all."],
            SentSample.Decode(request).Metadata.Select(m => $"{m.MetricFamilyName} {(int)m.Type} {m.Help}"));
        scrape.Release();
        scrape = fixture.Scrape(Text, 2000);
        Assert.Empty(scrape.Metadata);
        scrape.Release();
        fixture.Time.Advance(TimeSpan.FromMinutes(1));
        scrape = fixture.Scrape(Text, 62_000);
        Assert.Single(scrape.Metadata);
        scrape.Release();
    }

    [Fact]
    public void A_failed_scrape_has_no_metadata_and_the_next_one_has()
    {
        using var fixture = Fixture(1);
        var many = string.Concat(Enumerable.Range(0, 4500).Select(i => $"# TYPE m{i} gauge\nm{i} 1\n"));
        var scrape = fixture.Scrape(many + "wrong\n", 1000);
        Assert.Empty(scrape.Metadata);
        scrape.Release();
        scrape = fixture.Scrape(many, 2000);
        Assert.Equal([2000, 2000, 500], scrape.Metadata.Select(r => r.Metadata));
        scrape.Release();
    }

    [Theory]
    [InlineData(2)]
    [InlineData(0)]
    public void Metadata_is_sent_by_itself_in_known_1_0_only(int version)
    {
        using var fixture = Fixture(version);
        var scrape = fixture.Scrape(Text, 1000);
        Assert.Empty(scrape.Metadata);
        Assert.Equal(version == 2, scrape.Held!.IsComplete); // while the version is not known, nothing is made in vain
        scrape.Release();
    }

    /// <param name="version">0 for one that is not known yet.</param>
    private static ScrapeFixture Fixture(int version, int samplesPerRequest = 2000) =>
        new(budget: 1 << 20, samplesPerRequest: samplesPerRequest, protocol: new ReceiverProtocol((WriteProtocol)version));

    private static List<EncodedRequest> Requests(int version, string text, BodyFormat format) =>
        Requests(version, System.Text.Encoding.UTF8.GetBytes(text), format);

    private static List<EncodedRequest> Requests(int version, byte[] body, BodyFormat format)
    {
        using var fixture = Fixture(version);
        return fixture.Requests(fixture.ScrapeBody(ScrapeFixture.Body(body, format: format), 1000));
    }

    private static List<Cluster.Wire.V2.TimeSeries> Second(string text, BodyFormat format, out IList<string> symbols) =>
        Second(System.Text.Encoding.UTF8.GetBytes(text), format, out symbols);

    private static List<Cluster.Wire.V2.TimeSeries> Second(byte[] body, BodyFormat format, out IList<string> symbols)
    {
        var message = Cluster.Wire.V2.Request.Parser.ParseFrom(Requests(2, body, format).Single().Decompress());
        var violations = new ConcurrentQueue<string>();
        FirstVersion.Of(Google.Protobuf.MessageExtensions.ToByteArray(message), violations);
        Assert.Empty(violations);
        symbols = message.Symbols;
        return [.. message.Timeseries];
    }
}

file static class Conversion
{
    /// <summary>As the stand-in receiver has it, which knows exemplars and histograms.</summary>
    public static Cluster.Wire.TimeSeries AsReceived(this Sidecar.Tests.Requests.Wire.TimeSeries series) =>
        Cluster.Wire.TimeSeries.Parser.ParseFrom(Google.Protobuf.MessageExtensions.ToByteArray(series));
}
