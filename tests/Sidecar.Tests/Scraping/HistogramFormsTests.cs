using System.Globalization;
using Cluster.Wire.V2;
using Sidecar.Configuration;
using Sidecar.Exposition;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Http;
using Sidecar.Tests.Queueing;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// SIDECAR_SCRAPE_NATIVE_HISTOGRAMS, SIDECAR_ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS and SIDECAR_CONVERT_CLASSIC_HISTOGRAMS_TO_NHCB, from the
/// environment to what is sent.
/// </summary>
[Collection(nameof(AllocationCollection))]
public sealed class HistogramFormsTests
{
    private const string Protobuf = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";
    private const BodyReading Convert = BodyReading.ClassicToCustomBuckets;
    private const string Text = "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 4\nh_sum 5\nh_count 4\n";

    [Theory]
    [InlineData(null, null, BodyFormat.PrometheusProtoClassic, BodyFormat.OpenMetricsText100, 4)]
    [InlineData("true", null, BodyFormat.PrometheusProto, BodyFormat.PrometheusProto, 5)]
    [InlineData("false", null, BodyFormat.PrometheusProtoClassic, BodyFormat.OpenMetricsText100, 4)]
    [InlineData(null, "PrometheusProto", BodyFormat.PrometheusProto, BodyFormat.PrometheusProto, 1)]
    [InlineData(null, "PrometheusText0.0.4,PrometheusProto", BodyFormat.PrometheusProtoClassic, BodyFormat.PrometheusText004, 2)]
    [InlineData("true", "PrometheusText0.0.4,PrometheusProto", BodyFormat.PrometheusProto, BodyFormat.PrometheusText004, 2)]
    [InlineData("false", "PrometheusProto", BodyFormat.PrometheusProtoClassic, BodyFormat.PrometheusProto, 1)]
    public async Task Native_histograms_are_asked_for_and_read(string? native, string? protocols, object format, object first, int count)
    {
        var options = Given.Good(Given.StaticTarget(("SIDECAR_SCRAPE_NATIVE_HISTOGRAMS", native), ("SIDECAR_SCRAPE_PROTOCOLS", protocols)));
        Assert.Equal((BodyFormat)first, options.Scrape.Protocols[0]);
        Assert.Equal(count, options.Scrape.Protocols.Length);
        Assert.Equal((BodyFormat)format, (await DownloadAsync(options.Scrape, Protobuf)).Format);
    }

    [Fact]
    public void Formats_that_cannot_carry_native_histograms_are_told_of()
    {
        var result = OptionsReader.Read(Given.StaticTarget(
            ("SIDECAR_SCRAPE_NATIVE_HISTOGRAMS", "true"), ("SIDECAR_SCRAPE_PROTOCOLS", "PrometheusText0.0.4")));
        Assert.Contains("lacks PrometheusProto", Assert.Single(result.Warnings).Message);
    }

    [Theory]
    [InlineData("false", "false", "normalized", BodyReading.Usual)]
    [InlineData("true", "false", "normalized", BodyReading.ClassicToo)]
    [InlineData("false", "true", "normalized", Convert)]
    [InlineData("true", "true", "as_scraped", BodyReading.ClassicToo | BodyReading.ClassicToCustomBuckets | BodyReading.BoundsAsScraped)]
    public async Task The_variables_say_how_what_comes_is_read(string classic, string convert, string bounds, object reading)
    {
        var options = Given.Good(Given.StaticTarget(
            ("SIDECAR_ALWAYS_SCRAPE_CLASSIC_HISTOGRAMS", classic), ("SIDECAR_CONVERT_CLASSIC_HISTOGRAMS_TO_NHCB", convert),
            ("SIDECAR_BUCKET_LABELS", bounds), ("SIDECAR_REMOTE_WRITE_PROTOCOL", "2.0")));
        Assert.Equal((BodyReading)reading, (await DownloadAsync(options.Scrape, "text/plain")).Reading);
    }

    /// <summary>Remote write 1.0 has no custom buckets; a receiver that turns out to have 1.0 alone would lose them.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("auto")]
    [InlineData("1.0")]
    public void Converting_takes_remote_write_2(string? protocol)
    {
        var error = Given.OneError(Given.StaticTarget(
            ("SIDECAR_CONVERT_CLASSIC_HISTOGRAMS_TO_NHCB", "true"), ("SIDECAR_REMOTE_WRITE_PROTOCOL", protocol)));
        Assert.Equal(Variables.ConvertClassicHistograms.Name, error.Name);
        Assert.Contains("SIDECAR_REMOTE_WRITE_PROTOCOL=2.0", error.Remedy);
    }

    [Fact]
    public void A_converted_histogram_is_sent_with_its_bounds_and_its_metadata()
    {
        using var target = new ScrapeFixture(protocol: new ReceiverProtocol(WriteProtocol.Two));
        var scrape = target.ScrapeBody(
            Body("# HELP h Some.\n" + Text + "h_created 1.5\n# EOF\n", Convert, BodyFormat.OpenMetricsText100), 1000);
        var request = Request.Parser.ParseFrom(Assert.Single(target.Requests(scrape)).Decompress());
        var series = Assert.Single(request.Timeseries, t => t.Histograms.Count > 0);
        Assert.Equal(
            ["__name__", "h", "instance", "h:1", "job", "j"], series.LabelsRefs.Select(r => request.Symbols[(int)r]));
        Assert.Empty(series.Samples);
        Assert.Equal((3, "Some."), (series.Metadata.Type, request.Symbols[(int)series.Metadata.HelpRef]));
        Assert.Equal(
            new Histogram
            {
                CountInt = 4, Sum = 5, Schema = -53, ZeroCountInt = 0, PositiveDeltas = { 1, 2 },
                PositiveSpans = { new Cluster.Wire.V2.BucketSpan { Length = 2 } },
                CustomValues = { 1 }, Timestamp = 1000, StartTimestamp = 1500,
            },
            Assert.Single(series.Histograms));
        Assert.Equal((2, 2), (target.Outcome.Scraped, target.Outcome.PostRelabeling)); // with h_created
        scrape.Release();
    }

    [Fact]
    public void A_series_whose_histogram_vanishes_or_changes_its_form_ends()
    {
        using var target = new ScrapeFixture();
        Release(target.ScrapeBody(Body(Text + "g 1\n", Convert), 1000));
        Assert.Equal(["g 1 @2000", "h stale @2000", "up 1 @2000"], target.SentBody(Body("g 1\n", Convert), 2000));
        Release(target.ScrapeBody(Body(Text, Convert), 3000));
        Assert.Equal(
            ["h_bucket{le=\"1.0\"} 1 @4000", "h_bucket{le=\"+Inf\"} 4 @4000", "h_sum 5 @4000", "h_count 4 @4000", "h stale @4000",
                "up 1 @4000"],
            target.SentBody(Body(Text, BodyReading.Usual), 4000).Select(l => l.Replace("{}", "")));
        Assert.Equal(
            ["h stale @5000", "up 0 @5000"],
            Failed().Where(l => !l.StartsWith("h_", StringComparison.Ordinal)));

        IEnumerable<string> Failed()
        {
            Release(target.ScrapeBody(Body(Text, Convert), 4500));
            return target.Sent(null, 5000).Select(l => l.Replace("{}", ""));
        }
    }

    [Fact]
    public void A_repeated_histogram_counts_once()
    {
        using var target = new ScrapeFixture();
        Release(target.ScrapeBody(Body(Text + "# TYPE h histogram\ng 1\n# TYPE h histogram\nh_count 2\n", Convert), 1000));
        Assert.Equal((3, 1), (target.Outcome.Scraped, target.Outcome.Duplicates));
    }

    /// <summary>What waits in the folder is read as it was set when it came.</summary>
    [Fact]
    public async Task What_was_scraped_before_a_restart_keeps_its_form()
    {
        using var queue = new QueueFixture();
        using (var before = new ScrapeFixture())
            await queue.AddAsync(before.ScrapeBody(Body(Text, BodyReading.ClassicToCustomBuckets | BodyReading.ClassicToo), 1000));
        queue.Restart();
        using var after = new ScrapeFixture();
        var last = await queue.Queue.RecallAsync(after.Target, TestContext.Current.CancellationToken);
        after.Recall(last!);
        last!.Release();
        Assert.Equal(
            ["h_bucket{le=\"1.0\"} 1 @2000", "h_bucket{le=\"+Inf\"} 4 @2000", "h_sum 5 @2000", "h_count 4 @2000", "h stale @2000",
                "up 1 @2000"],
            after.SentBody(Body(Text, BodyReading.Usual), 2000).Select(l => l.Replace("{}", "")));
    }

    [Fact]
    public void Converting_allocates_nothing_for_a_sample()
    {
        var text = new System.Text.StringBuilder("# TYPE h histogram\n");
        for (var i = 0; i < 4000; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"h_bucket{{a=\"{i}\",le=\"1\"}} {i}\nh_bucket{{a=\"{i}\",le=\"2.5\"}} {i}.5\n");
            text.Append(CultureInfo.InvariantCulture, $"h_bucket{{a=\"{i}\",le=\"+Inf\"}} {i}.5\nh_count{{a=\"{i}\"}} {i}.5\n");
        }
        var body = Body(text.ToString(), Convert);
        var context = new PassContext(samplesPerRequest: 1_000_000, new ReceiverProtocol(WriteProtocol.Two));
        var labels = new TargetLabels(ScrapeFixture.MakeTarget("h:1").Labels, [], honorLabels: false);
        Pass(); // the first pass fills plans, names and symbols
        Pass();
        Assert.Equal(0, Pass());

        long Pass()
        {
            context.Encoder.Begin(labels);
            context.Reader.Open(body.OpenRead(), sizeLimit: 0, body.Format, body.Reading);
            Assert.True(context.Reader.Read());
            var before = GC.GetAllocatedBytesForCurrentThread();
            var samples = 1;
            while (context.Reader.Read())
            {
                samples++;
                Assert.True(context.Encoder.TryBegin(context.Reader.Sample, out _));
                context.Encoder.Commit(context.Reader.Sample, 1_800_000_000_000);
                if (context.Encoder.Samples == 100)
                    context.Encoder.Drop(); // before a part is full and is compressed
            }
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(4000, samples);
            return allocated;
        }
    }

    private static void Release(ScrapeResult scrape) => scrape.Release();

    private static CompressedBody Body(string text, BodyReading reading, BodyFormat format = BodyFormat.PrometheusText100)
    {
        var body = ScrapeFixture.Body(text, format: format);
        body.Reading = reading;
        return body;
    }

    private static async Task<(BodyFormat Format, BodyReading Reading)> DownloadAsync(ScrapeOptions options, string contentType)
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "a 1\n", $"Content-Type: {contentType}"));
        using var client = new PeerClient(new HttpOptions(), 1, TimeProvider.System);
        var queue = new QueueOptions { SizeLimit = 1 << 21, AgeLimit = TimeSpan.Zero };
        using var bodies = new LargeBodies(queue.BodyLimit);
        var download = new BodyDownload(client, options, queue, bodies, TimeProvider.System);
        using var turn = download.BeginBody();
        var (body, _) = await download.GetAsync(new(server.Url, [], []), turn, TestContext.Current.CancellationToken);
        var read = (body!.Format, body.Reading);
        body.Release();
        return read;
    }
}
