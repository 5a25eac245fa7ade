using System.Collections.Concurrent;
using System.Globalization;
using Google.Protobuf;
using Sidecar.Tests.Requests.Wire;
using Sidecar.Requests;

namespace Sidecar.Tests.Requests;

/// <summary>One sample as a receiver reads it, by the generated types: nothing of the encoder under test has a part in this.</summary>
/// <param name="Series"><c>name{label="value",…}</c>, labels in the order of the wire.</param>
/// <param name="Bits">Of the value.</param>
/// <param name="Timestamp">Milliseconds since the Unix epoch.</param>
internal sealed record SentSample(string Series, ulong Bits, long Timestamp)
{
    public const ulong Stale = 0x7ff0000000000002;

    /// <summary><c>series value @timestamp</c>, a marker as <c>stale</c>.</summary>
    public override string ToString() =>
        $"{Series} {(Bits == Stale ? "stale" : BitConverter.UInt64BitsToDouble(Bits).ToString("R", CultureInfo.InvariantCulture))} @{Timestamp}";

    public static WriteRequest Decode(EncodedRequest request)
    {
        var message = request.Decompress();
        if (request.Version == WriteVersion.One)
            return WriteRequest.Parser.ParseFrom(message);
        var violations = new ConcurrentQueue<string>();
        var first = Cluster.FirstVersion.Of(message, violations);
        Assert.Empty(violations);
        return WriteRequest.Parser.ParseFrom(first.ToByteArray());
    }

    public static List<SentSample> Read(IEnumerable<EncodedRequest> requests)
    {
        var samples = new List<SentSample>();
        foreach (var request in requests)
        {
            var series = Decode(request).Timeseries;
            Assert.Equal(request.Samples, series.Count);
            foreach (var one in series)
            {
                AssertValid(one);
                var sample = Assert.Single(one.Samples);
                samples.Add(new SentSample(Describe(one), BitConverter.DoubleToUInt64Bits(sample.Value), sample.Timestamp));
            }
        }
        return samples;
    }

    public static string Describe(TimeSeries series)
    {
        var name = Assert.Single(series.Labels, l => l.Name == "__name__").Value;
        return $"{name}{{{string.Join(',', series.Labels.Where(l => l.Name != "__name__").Select(l => $"{l.Name}=\"{l.Value}\""))}}}";
    }

    /// <summary>What remote write 1.0 asks of labels: sorted bytewise, names unique, no empty names or values.</summary>
    private static void AssertValid(TimeSeries series)
    {
        for (var i = 0; i < series.Labels.Count; i++)
        {
            Assert.NotEqual("", series.Labels[i].Name);
            Assert.NotEqual("", series.Labels[i].Value);
            if (i > 0)
            {
                var before = System.Text.Encoding.UTF8.GetBytes(series.Labels[i - 1].Name);
                var name = System.Text.Encoding.UTF8.GetBytes(series.Labels[i].Name);
                Assert.True(before.AsSpan().SequenceCompareTo(name) < 0,
                    $"{series.Labels[i - 1].Name} stands before {series.Labels[i].Name}");
            }
        }
    }
}
