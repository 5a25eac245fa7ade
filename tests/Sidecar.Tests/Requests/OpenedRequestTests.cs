using Sidecar.Exposition;
using Sidecar.Requests;
using Sidecar.Sending;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Requests;

public sealed class OpenedRequestTests
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
            if (part.Samples > 1)
            {
                var (first, second) = Halves(part);
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
        Assert.Equal("m0{c=\"é\",instance=\"h:1\",job=\"j\"}", new OpenedRequest(Make(3)).Describe(0));

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Any_series_in_any_order_are_taken_as_they_are(int version)
    {
        var request = Make(9, version);
        var whole = SentSample.Read([request]);
        var opened = new OpenedRequest(request);
        int[] chosen = [7, 0, 3];
        Assert.Equal(chosen.Select(i => whole[i]), SentSample.Read([opened.Take(chosen)]));
        Assert.Equal(whole, SentSample.Read([opened.Take([.. Enumerable.Range(0, 9)])]));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_marker_is_told_from_a_sample(int version)
    {
        var opened = new OpenedRequest(Make(9, version, marker: 5));
        Assert.Equal([5], Enumerable.Range(0, opened.Count).Where(opened.IsMarker));
    }

    [Fact]
    public void In_2_0_a_part_has_the_symbols_of_its_own_series_alone()
    {
        var request = Make(400, version: 2);
        var half = new OpenedRequest(request).Take([.. Enumerable.Range(0, 20)]);
        var symbols = Cluster.Wire.V2.Request.Parser.ParseFrom(half.Decompress()).Symbols;
        Assert.Equal("", symbols[0]);
        Assert.Equal(symbols.Count, symbols.Distinct().Count());
        Assert.Contains("m19", symbols);
        Assert.DoesNotContain("m20", symbols);
        Assert.InRange(half.Length, 1, request.Length / 4);
    }

    [Fact]
    public void A_series_hashes_alike_in_both_versions_and_unlike_all_others()
    {
        var (one, two) = (new OpenedRequest(Make(50)), new OpenedRequest(Make(50, version: 2)));
        var hashes = Enumerable.Range(0, 50).Select(one.Hash).ToList();
        Assert.Equal(hashes, Enumerable.Range(0, 50).Select(two.Hash));
        Assert.Equal(50, hashes.Distinct().Count());
        Assert.Equal(Enumerable.Range(0, 50).Select(one.Describe), Enumerable.Range(0, 50).Select(two.Describe));
    }

    internal static (EncodedRequest First, EncodedRequest Second) Halves(EncodedRequest request)
    {
        var opened = new OpenedRequest(request);
        var (first, second) = new SeriesRange(0, request.Samples).Halve();
        return (opened.Take([.. Enumerable.Range(first.From, first.Count)]), opened.Take([.. Enumerable.Range(second.From, second.Count)]));
    }

    /// <summary>Series <c>m0</c>, <c>m1</c>, …, or with another prefix, each with a label c.</summary>
    internal static EncodedRequest Make(int samples, int version = 1, string prefix = "m", int marker = -1)
    {
        using var fixture = new ScrapeFixture(samplesPerRequest: Math.Max(samples, 1),
            protocol: new ReceiverProtocol((WriteProtocol)version));
        var lines = Enumerable.Range(0, samples).Select(i => $"{prefix}{i}{{c=\"é{new string('x', i % 20 * 40)}\"}} {i}\n");
        var encoder = fixture.Context.Encoder;
        var reader = fixture.Context.Reader;
        encoder.Begin(new TargetLabels(fixture.Target.Labels, [], false));
        reader.Open(ScrapeFixture.Body(string.Concat(lines)).OpenRead(), 0);
        while (reader.Read())
        {
            Assert.True(encoder.TryBegin(reader.Sample, out _));
            if (encoder.Samples == marker)
                encoder.Commit(FloatText.StaleNaN, 1000);
            else
                encoder.Commit(reader.Sample, 1000);
        }
        return encoder.Take()!;
    }
}
