using System.Runtime.CompilerServices;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Requests;

/// <summary>What stands on the wire, read back by the generated types.</summary>
public sealed class SeriesEncoderTests
{
    private readonly EncodedText text = new();

    public static TheoryData<string, ulong> Values => new()
    {
        { "0", 0 },
        { "-0", 0x8000000000000000 },
        { "1", 0x3ff0000000000000 },
        { "-1.5", 0xbff8000000000000 },
        { "NaN", 0x7ff8000000000001 },
        { "+Inf", 0x7ff0000000000000 },
        { "-Inf", 0xfff0000000000000 },
        { "5e-324", 1 },
        { "1.7976931348623157e308", 0x7fefffffffffffff },
    };

    [Theory, MemberData(nameof(Values))]
    public void Values_keep_their_bits(string value, ulong bits) => Assert.Equal(bits, Assert.Single(text.Read($"a {value}\n")).Bits);

    [Fact]
    public void A_marker_has_prometheus_s_bits()
    {
        var encoder = new SeriesEncoder(10);
        encoder.Begin(EncodedText.Labels());
        using var reader = new SampleReader();
        reader.Open(Scraping.ScrapeFixture.Body("a 1\n").OpenRead(), 0);
        Assert.True(reader.Read());
        Assert.True(encoder.TryBegin(reader.Sample, out _));
        encoder.Commit(FloatText.StaleNaN, 5);
        Assert.Equal([new SentSample("a{}", 0x7ff0000000000002, 5)], SentSample.Read([encoder.Take()!]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(127)]
    [InlineData(128)]
    [InlineData(1_700_000_000_000)]
    [InlineData(long.MaxValue)]
    public void Timestamps_are_kept(long timestamp) => Assert.Equal(timestamp, Assert.Single(text.Read($"a 1 {timestamp}\n")).Timestamp);

    [Fact]
    public void Negative_timestamps_take_ten_bytes()
    {
        var encoder = new SeriesEncoder(10);
        encoder.Begin(EncodedText.Labels());
        encoder.TryBegin(Named("a"u8), out _);
        encoder.Commit(1, -1);
        Assert.Equal(-1, Assert.Single(SentSample.Read([encoder.Take()!])).Timestamp);
    }

    [Fact]
    public void Series_of_any_length_get_the_right_length_in_front()
    {
        // Around every border of the length's own length that a line can reach: 1, 2 and 3 bytes.
        int[] lengths =
            [.. Enumerable.Range(60, 60), .. Enumerable.Range(16_300, 100), 100_000, 1_048_000];
        foreach (var length in lengths)
        {
            var value = new string('x', length);
            var samples = text.Read($"s 1\na{{b=\"{value}\"}} 2\nt 3\n");
            Assert.Equal(["s{}", $"a{{b=\"{value}\"}}", "t{}"], samples.Select(s => s.Series));
            Assert.Equal([1.0, 2, 3], samples.Select(s => BitConverter.UInt64BitsToDouble(s.Bits)));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(63)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(70)]
    [InlineData(300)]
    public void Any_number_of_labels_is_sent_sorted(int count)
    {
        var names = Enumerable.Range(0, count).Select(i => $"l{i}").ToList();
        var shuffled = names.OrderBy(n => n.GetHashCode(StringComparison.Ordinal) * 7).Select((n, i) => (n, i)).ToList();
        // Twice with other values, and with an empty one in each place: what was worked out for one line must not be used for another.
        var lines = Enumerable.Range(-1, count + 1)
            .Select(empty => EncodedText.Line("a", shuffled.Select(l => (l.n, l.i == empty ? "" : $"{empty}-{l.i}"))));
        var samples = text.Read(string.Concat(lines), EncodedText.Labels("job=j"));
        Assert.Equal(count + 1, samples.Count);
        for (var i = 0; i <= count; i++)
        {
            var empty = i - 1;
            var expected = shuffled.Where(l => l.i != empty).Select(l => (l.n, v: $"{empty}-{l.i}")).Append(("job", "j"))
                .OrderBy(l => l.Item1, StringComparer.Ordinal);
            Assert.Equal($"a{{{string.Join(',', expected.Select(l => $"{l.Item1}=\"{l.Item2}\""))}}}", samples[i].Series);
        }
    }

    [Theory]
    [InlineData(1, new[] { 1, 1, 1, 1, 1 })]
    [InlineData(2, new[] { 2, 2, 1 })]
    [InlineData(5, new[] { 5 })]
    [InlineData(6, new[] { 5 })]
    public void A_request_is_cut_at_the_most_samples(int most, int[] sizes)
    {
        var requests = new EncodedText(most).Encode("a 1\nb 2\nc 3\nd 4\ne 5\n");
        Assert.Equal(sizes, requests.Select(r => r.Samples));
        Assert.Equal("a{}b{}c{}d{}e{}", string.Concat(SentSample.Read(requests).Select(s => s.Series)));
    }

    [Fact]
    public void A_request_is_cut_when_it_gets_large()
    {
        var value = new string('x', 1_000_000);
        var requests = text.Encode(string.Concat(Enumerable.Range(0, 10).Select(i => $"a{{b=\"{i}{value}\"}} 1\n")));
        Assert.Equal([5, 5], requests.Select(r => r.Samples));
    }

    [Fact]
    public void Nothing_is_taken_where_nothing_was_committed()
    {
        var encoder = new SeriesEncoder(10);
        encoder.Begin(EncodedText.Labels());
        Assert.Null(encoder.Take());
        encoder.TryBegin(Named("a"u8), out _);
        Assert.Null(encoder.Take());
        encoder.TryBegin(Named("a"u8), out _);
        encoder.Commit(1, 1);
        encoder.TryBegin(Named("bcdefg"u8), out _); // never committed
        encoder.TryBegin(Named("b"u8), out _);
        encoder.Commit(2, 2);
        Assert.Equal(["a{} 1 @1", "b{} 2 @2"], SentSample.Read([encoder.Take()!]).Select(s => s.ToString()));
        encoder.TryBegin(Named("a"u8), out _);
        encoder.Commit(1, 1);
        encoder.Drop();
        Assert.Null(encoder.Take());
    }

    [Fact]
    public void Targets_that_take_turns_keep_their_own_labels()
    {
        const string Body = "a{x=\"1\"} 1\nb{job=\"s\"} 2\n";
        for (var i = 0; i < 3; i++)
        {
            Assert.Equal(["a{job=\"j\",x=\"1\"}", "b{exported_job=\"s\",job=\"j\"}"], Series(Body, EncodedText.Labels("job=j")));
            Assert.Equal(["a{job=\"k\",x=\"1\"}", "b{exported_job=\"s\",job=\"k\"}"], Series(Body, EncodedText.Labels("job=k")));
            Assert.Equal(["a{job=\"k\",x=\"1\"}", "b{job=\"s\"}"], Series(Body, EncodedText.Labels("job=k", honorLabels: true)));
            Assert.Equal(["a{job=\"k\",x=\"1\"}", "b{job=\"s\"}"], Series(Body, EncodedText.Labels("", "job=k")));
            Assert.Equal(["a{x=\"1\"}", "b{job=\"s\"}"], Series(Body, EncodedText.Labels()));
        }
    }

    [Fact]
    public void Many_sequences_of_names_are_not_mixed_up()
    {
        // More than the caches of name sequences and of plans hold.
        var lines = Enumerable.Range(0, 5000).Select(i => $"a{{n{i}=\"x\",job=\"y\"}} 1\n").ToList();
        var expected = Enumerable.Range(0, 5000).Select(i => $"a{{exported_job=\"y\",job=\"j\",n{i}=\"x\"}}");
        var labels = EncodedText.Labels("job=j");
        for (var again = 0; again < 2; again++)
            Assert.Equal(expected, Series(string.Concat(lines), labels));
    }

    [Fact]
    public void Huge_names_are_not_kept()
    {
        var context = new PassContext(2000);
        var names = ReadHugeNames(context);
        GC.Collect();
        // The encoder's last one and the parser's prediction.
        Assert.InRange(names.Count(n => n.IsAlive), 0, 2);
        GC.KeepAlive(context);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static List<WeakReference> ReadHugeNames(PassContext context)
    {
        var huge = new string('x', 5000);
        var names = new List<WeakReference>();
        context.Encoder.Begin(EncodedText.Labels("job=j"));
        var text = string.Concat(Enumerable.Range(0, 100).Select(i => $"a{{{huge}{i}=\"y\"}} 1\n"));
        context.Reader.Open(Scraping.ScrapeFixture.Body(text).OpenRead(), 0);
        while (context.Reader.Read())
        {
            Assert.True(context.Encoder.TryBegin(context.Reader.Sample, out _));
            context.Encoder.Commit(1, 1);
            names.Add(new WeakReference(context.Reader.Sample.Names));
        }
        Assert.Equal(100, names.Count);
        return names;
    }

    private IEnumerable<string> Series(string body, TargetLabels labels) => text.Read(body, labels).Select(s => s.Series);

    private static Sample Named(ReadOnlySpan<byte> name)
    {
        var sample = new Sample { Window = name.ToArray() };
        sample.Begin(0, name.Length);
        return sample;
    }
}
