using System.Buffers;
using System.Text;
using Cluster;
using Sidecar.Tests.Exposition;

namespace Sidecar.Tests.StandIns;

/// <summary>
/// The generated payload has the shape of a real API server's: 156 bytes a line and 45 times smaller as gzip, as captured.
/// </summary>
public sealed class ApiServerPayloadTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(100)]
    [InlineData(5_000)]
    [InlineData(150_000)]
    public void It_has_exactly_the_samples_asked_for_and_parses(int samples)
    {
        var text = Text(new ApiServerPayload(seed: 1), samples, 1);
        var read = ParsedText.Read(text);
        Assert.Equal(samples, read.Count);
        Assert.Equal(samples, read.Select(l => l[..l.LastIndexOf(' ')]).Distinct().Count());
    }

    [Fact]
    public void It_is_as_long_and_as_compressible_as_a_real_one()
    {
        var payload = new ApiServerPayload(seed: 1);
        var text = Text(payload, 150_000, 1);
        var gzip = payload.Gzip(150_000, 1);
        Assert.InRange(text.Length / 150_000.0, 156 * 0.7, 156 * 1.3);
        Assert.InRange((double)text.Length / gzip.Length, 45 * 0.7, 45 * 1.3);
    }

    [Fact]
    public void Counters_grow_and_churn_replaces_series()
    {
        Assert.Equal(Names(new ApiServerPayload(1), 1), Names(new ApiServerPayload(1), 2));
        Assert.NotEqual(Text(new ApiServerPayload(1), 5_000, 1), Text(new ApiServerPayload(1), 5_000, 2));
        var kept = Names(new ApiServerPayload(1, churn: 0.1), 1).Intersect(Names(new ApiServerPayload(1, churn: 0.1), 2)).Count();
        Assert.InRange(kept, 5_000 * 0.8, 5_000 * 0.97);
    }

    private static HashSet<string> Names(ApiServerPayload payload, int scrape) =>
        [.. ParsedText.Read(Text(payload, 5_000, scrape)).Select(l => l[..l.LastIndexOf(' ')])];

    private static byte[] Text(ApiServerPayload payload, int samples, int scrape)
    {
        var text = new ArrayBufferWriter<byte>();
        payload.Write(text, samples, scrape);
        return text.WrittenSpan.ToArray();
    }
}
