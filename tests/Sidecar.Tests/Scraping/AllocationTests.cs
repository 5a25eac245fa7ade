using Cluster;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>
/// Nothing of ours allocates for a sample. The compressor of 2.0 stands outside: IronSnappy makes a table of 32 KiB for each 64 KiB.
/// What a whole scrape allocates is in <see cref="ScrapeAllocationTests"/>.
/// </summary>
[Collection(nameof(AllocationCollection))]
public sealed class AllocationTests
{
    private const int Large = 40_000;

    /// <param name="version">Of remote write.</param>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Reading_validating_and_encoding_a_warm_body_allocates_nothing(int version)
    {
        var body = Body(Large);
        var context = new PassContext(samplesPerRequest: 1_000_000, new ReceiverProtocol((WriteProtocol)version));
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
                context.Encoder.Commit(context.Reader.Sample, 1_800_000_000_000);
                if (context.Encoder.Samples == 20)
                    context.Encoder.Drop(); // before there is so much that a request is made for it
            }
            while (context.Reader.Read());
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.Equal(ReadError.None, context.Reader.Error);
            Assert.Equal(Large + 1, samples);
            return allocated;
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
