using Cluster;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Exposition;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// Nothing of ours allocates per sample: what a warm scrape allocates does not depend on how many samples it has. The compressor stands
/// outside: IronSnappy makes a table of 32 KiB for each 64 KiB of a request.
/// </summary>
[Collection(nameof(AllocationCollection))]
public sealed class AllocationTests
{
    private const int Small = 2_000;
    private const int Large = 40_000;

    [Fact]
    public void Reading_validating_and_encoding_a_warm_body_allocates_nothing()
    {
        var body = Body(Large);
        var context = new PassContext(samplesPerRequest: 1_000_000);
        using var table = new SeriesTable();
        var labels = new TargetLabels(ScrapeFixture.MakeTarget("h:1").Labels, [], honorLabels: false);

        Assert.NotEqual(0, Pass()); // the first pass fills plans, names and the table
        Pass();
        Assert.Equal(0, Pass());

        long Pass()
        {
            context.Encoder.Begin(labels);
            table.ClearSeen();
            context.Reader.Open(body.OpenRead(), sizeLimit: 0);
            Assert.True(context.Reader.Read());
            var before = GC.GetAllocatedBytesForCurrentThread();
            var samples = 1;
            do
            {
                samples++;
                Assert.True(context.Encoder.TryBegin(context.Reader.Sample, out var hash));
                table.Add(hash);
                context.Encoder.Commit(context.Reader.Sample.Value, 1_800_000_000_000);
                if (context.Encoder.Samples == 100)
                    context.Encoder.Drop(); // before a part is full and is compressed
            }
            while (context.Reader.Read());
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(ReadError.None, context.Reader.Error);
            Assert.Equal(Large + 1, samples);
            return allocated;
        }
    }

    /// <summary>The validating pass as a whole: the first request does not fit the budget, so nothing is encoded after it.</summary>
    [Fact]
    public void A_warm_scrape_allocates_the_same_for_any_number_of_samples()
    {
        var small = Cycle(Small);
        var large = Cycle(Large);
        // The one request that is compressed is not of quite the same bytes.
        Assert.True(large - small < (Large - Small) / 10, $"{small} bytes for {Small} samples, {large} bytes for {Large}");
    }

    private static long Cycle(int samples)
    {
        var body = Body(samples);
        var target = ScrapeFixture.MakeTarget("h:1");
        var labels = new TargetLabels(target.Labels, [], honorLabels: false);
        var context = new PassContext(samplesPerRequest: 2000);
        using var series = new TargetSeries(target, labels, ScrapeFixture.Options, new HeldBudget(0), new FakeTimeProvider());
        Complete(1_000);
        Complete(2_000);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Complete(3_000);
        return GC.GetAllocatedBytesForCurrentThread() - before;

        void Complete(long timestamp)
        {
            var scrape = series.Complete(context, body, timestamp, started: 0, new ScrapeOutcome());
            Assert.Equal(samples + ReportSamples.Count, scrape.Samples);
            scrape.Release();
        }
    }

    private static CompressedBody Body(int samples)
    {
        var body = new CompressedBody();
        body.Append(new ApiServerPayload(seed: 1).Gzip(samples, scrapeIndex: 1));
        return body;
    }
}

/// <summary>Alone: blocks that other tests take from the pool would have to be allocated.</summary>
[CollectionDefinition(nameof(AllocationCollection), DisableParallelization = true)]
public sealed class AllocationCollection;
