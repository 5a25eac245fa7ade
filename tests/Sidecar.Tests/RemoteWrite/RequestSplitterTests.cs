using Sidecar.RemoteWrite;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.RemoteWrite;

public sealed class RequestSplitterTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(17)]
    public void Halving_ends_at_single_series_in_their_order(int samples)
    {
        var request = Make(samples);
        var whole = SentSample.Read([request]);
        var single = new List<EncodedRequest>();
        void Split(EncodedRequest part)
        {
            if (RequestSplitter.Halve(part) is var (first, second))
            {
                Assert.Equal(part.Samples, first.Samples + second.Samples);
                Assert.InRange(second.Samples - first.Samples, 0, 1);
                Split(first);
                Split(second);
            }
            else
                single.Add(part);
        }
        Split(request);
        Assert.Equal(samples, single.Count);
        Assert.All(single, r => Assert.Equal(1, r.Samples));
        Assert.Equal(whole, SentSample.Read(single));
    }

    [Fact]
    public void The_first_series_is_described_for_the_log() =>
        Assert.Equal("m0{c=\"é\",instance=\"h:1\",job=\"j\"}", RequestSplitter.DescribeFirst(Make(3)));

    private static EncodedRequest Make(int samples)
    {
        using var fixture = new ScrapeFixture();
        var lines = Enumerable.Range(0, samples).Select(i => $"m{i}{{c=\"é{new string('x', i * 40)}\"}} {i}\n");
        var encoder = fixture.Context.Encoder;
        var reader = fixture.Context.Reader;
        encoder.Begin(new TargetLabels(fixture.Target.Labels, [], false));
        reader.Open(ScrapeFixture.Body(string.Concat(lines)).OpenRead(), 0);
        while (reader.Read())
        {
            Assert.True(encoder.TryBegin(reader.Sample, out _));
            encoder.Commit(reader.Sample.Value, 1000);
        }
        return encoder.Take()!;
    }
}
