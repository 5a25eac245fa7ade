using CsCheck;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

public sealed class SkippedSamplesTests
{
    [Fact]
    public void Names_exactly_the_samples_that_were_added() =>
        Gen.Select(Gen.Int[0, 40_000], Gen.OneOf(20, 400, 8000, 160_000).SelectMany(most => Gen.Int[1, most].Array[0, 100])).Sample((first, gaps) =>
        {
            var skipped = new SkippedSamples();
            var expected = new HashSet<int>();
            var ordinal = first;
            foreach (var gap in gaps.TakeWhile(_ => ordinal < 200_000))
            {
                skipped.Add(ordinal);
                expected.Add(ordinal);
                ordinal += gap;
            }
            Assert.Equal(expected.Count == 0, skipped.IsEmpty);
            foreach (var read in new[] { skipped, skipped, SkippedSamples.From(skipped.Bytes) })
            {
                var cursor = read.Start();
                for (var i = 0; i < ordinal + 300; i++)
                    Assert.True(expected.Contains(i) == cursor.Skips(i), $"ordinal {i}");
            }
        }, iter: 100, threads: 1);

    [Fact]
    public void Takes_two_bytes_a_run()
    {
        var scattered = new SkippedSamples();
        for (var i = 0; i < 1000; i++)
            scattered.Add(i * 100);
        Assert.InRange(scattered.Size, 1998, 2000);

        var run = new SkippedSamples();
        for (var i = 5; i < 1_000_000; i++)
            run.Add(i);
        run.Start();
        Assert.InRange(run.Size, 2, 5);
    }
}
