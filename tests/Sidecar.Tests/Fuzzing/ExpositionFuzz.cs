using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Cluster.Wire;
using Sidecar.Exposition;
using Sidecar.Requests;
using Sidecar.Tests.Exposition;

namespace Sidecar.Tests.Fuzzing;

/// <summary>
/// Mutates bodies of a format at random and holds the reader to what must be true of any bytes: it never throws, it ends, its result does
/// not depend on where windows cut the input nor on what was read before, and what it gives can be encoded, in both versions of remote
/// write to the same effect.
/// </summary>
/// <param name="format">What the seeds are written in.</param>
/// <param name="seeds">Bodies, good and bad.</param>
/// <param name="words">Pieces that mean something in the format.</param>
internal sealed class ExpositionFuzz(BodyFormat format, byte[][] seeds, byte[][] words) : IDisposable
{
    /// <summary>
    /// Bodies of a run in CI: a few seconds. SIDECAR_TEST_FUZZ_SECONDS asks for a run of that length from a seed of its own.
    /// </summary>
    private const int BodiesInCi = 4000;

    private const BodyReading AllReadings = BodyReading.BoundsAsScraped | BodyReading.ClassicToo | BodyReading.ClassicToCustomBuckets;

    private readonly SampleReader used = new();
    private BodyReading reading; // of the body that is looked at: any of them

    public void Run()
    {
        var seconds = Environment.GetEnvironmentVariable("SIDECAR_TEST_FUZZ_SECONDS") is { } text
            ? double.Parse(text, CultureInfo.InvariantCulture) : 0;
        var seed = seconds > 0 ? Random.Shared.Next() : 1;
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        for (var i = 0; seconds > 0 ? clock.Elapsed.TotalSeconds < seconds : i < BodiesInCi; i++)
        {
            var body = Mutated(random);
            try
            {
                Check(body, random);
            }
            catch (Exception e)
            {
                Assert.Fail($"body {i} of seed {seed}, in base 64: {Convert.ToBase64String(body)}\n{e}");
            }
        }
    }

    public void Dispose() => used.Dispose();

    /// <summary>One body, for those that were found.</summary>
    public void Check(byte[] body, Random random)
    {
        var gzip = ParsedText.Gzip(body);
        reading = (BodyReading)(body.Length << 4) & AllReadings;
        using var fresh = new SampleReader();
        var whole = Read(fresh, gzip, int.MaxValue);
        Assert.Equal(whole, Read(used, gzip, 1));
        Assert.Equal(whole, Read(used, gzip, random.Next(1, body.Length + 2)));
        Assert.Equal(Sent(gzip, WriteProtocol.One), Sent(gzip, WriteProtocol.Two));
    }

    /// <summary>What a receiver reads of all samples, exemplars and histograms up to an error.</summary>
    private List<TimeSeries> Sent(byte[] gzip, WriteProtocol version)
    {
        var encoder = new SeriesEncoder(50, new ReceiverProtocol(version));
        encoder.Begin(new TargetLabels([KeyValuePair.Create("job", "j")], [], honorLabels: false));
        used.Open(ParsedText.Chunked(gzip, int.MaxValue), 0, format, reading);
        var requests = new List<EncodedRequest>();
        while (used.Read())
        {
            if (!encoder.TryBegin(used.Sample, out _))
                continue;
            encoder.Commit(used.Sample, 1);
            if (encoder.IsFull)
                requests.Add(encoder.Take()!);
        }
        if (encoder.Take() is { } last)
            requests.Add(last);
        var violations = new ConcurrentQueue<string>();
        var series = requests.SelectMany(r => (r.Version == WriteVersion.One
            ? WriteRequest.Parser.ParseFrom(r.Decompress()) : Cluster.FirstVersion.Of(r.Decompress(), violations)).Timeseries).ToList();
        Assert.Empty(violations);
        requests.ForEach(r => r.Release());
        return series;
    }

    private List<string> Read(SampleReader reader, byte[] gzip, int chunk)
    {
        var encoder = new SeriesEncoder(int.MaxValue);
        encoder.Begin(new TargetLabels([KeyValuePair.Create("job", "j")], [], honorLabels: false));
        reader.Open(ParsedText.Chunked(gzip, chunk), 0, format, reading);
        var lines = new List<string>();
        while (reader.Read())
        {
            lines.Add(ParsedText.Describe(reader.Sample));
            if (encoder.TryBegin(reader.Sample, out _))
                encoder.Commit(reader.Sample.Value, 1);
            else
                Assert.NotEqual("", encoder.Error);
        }
        encoder.Drop();
        if (reader.Error != ReadError.None)
        {
            Assert.Equal(ReadError.Parse, reader.Error);
            Assert.NotEqual("", reader.ErrorMessage);
            lines.Add("! " + reader.ErrorMessage);
        }
        return lines;
    }

    private byte[] Mutated(Random random)
    {
        var body = new List<byte>(Pick(random, seeds));
        for (var left = random.Next(1, 6); left > 0; left--)
        {
            var at = random.Next(body.Count + 1);
            var length = Math.Min(random.Next(1, 20), body.Count - at);
            switch (random.Next(8))
            {
                case 0 when at < body.Count:
                    body[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < body.Count:
                    body[at] = (byte)random.Next(256);
                    break;
                case 2:
                    body.RemoveRange(at, length);
                    break;
                case 3:
                    body.InsertRange(at, body.GetRange(at, length));
                    break;
                case 4:
                    body.InsertRange(at, Pick(random, words));
                    break;
                case 5:
                    body.RemoveRange(at, body.Count - at); // what is cut off
                    break;
                case 6:
                    var other = Pick(random, seeds);
                    var from = random.Next(other.Length + 1);
                    body.InsertRange(at, other.AsSpan(from, random.Next(other.Length - from + 1)).ToArray());
                    break;
                default:
                    body.InsertRange(random.Next(body.Count + 1), body.GetRange(at, length));
                    break;
            }
        }
        return [.. body];
    }

    private static byte[] Pick(Random random, byte[][] from) => from[random.Next(from.Length)];
}
