using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text.Json;
using System.Text;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Serving;
using Sidecar.Tests.Discovery;

namespace Sidecar.Tests.Fuzzing;

/// <summary>
/// Everything that reads what strangers send, on inputs made from good ones: it ends, only with its own errors, and its result does not
/// depend on where the input was cut. A reader more is a line more in <see cref="Readers"/>; the formats themselves have
/// <see cref="ExpositionFuzz"/>.
/// </summary>
public sealed class FuzzTests
{
    /// <summary>Seconds for each reader; a few are enough to notice what breaks, an hour is for people with time.</summary>
    private const string DurationVariable = "SIDECAR_TEST_FUZZ_SECONDS";

    /// <summary>What a reader makes of an input, as text; pieces says how it is handed over where that can differ.</summary>
    private delegate string Reader(byte[] input, int piece);

    private static readonly Dictionary<string, (Reader Read, string[] Seeds)> Readers = new()
    {
        ["gzip and text"] = (ReadGzip, ExpositionSeeds),
        ["request heads"] = ReadHead,
        ["starts of request heads"] = ReadStarts,
        ["answers of receivers"] = ReadAnswer,
        ["lists of slices"] = (ReadJson((json, piece) => ListText.Slices(json, piece).Count), JsonSeeds),
        ["Endpoints"] = (ReadJson((json, _) => ListText.Labels(ObjectKind.Endpoints, json).Count), JsonSeeds),
        ["watches"] = (ReadJson((json, piece) => ListText.Events(json, piece)), JsonSeeds),
    };

    private static string[] ExpositionSeeds =>
    [
        "# HELP a_seconds Time \\n spent.\n# TYPE a_seconds histogram\na_seconds_bucket{le=\"0.5\",x=\"y\"} 1\na_seconds_bucket{le=\"+Inf\"} 2 1700000000000\n",
        "{\"quoted.name\", \"label name\"=\"v\\\"a\\\\l\\nue\"} -1.5e-3\nplain 7\n  spaced { a = \"b\" , } 1\n",
        "# TYPE s summary\ns{quantile=\"0.99\"} NaN\ns_sum 1e400\ns_count 18446744073709551615 -5\n\n\n#\n# comment\nü 1\n",
        "{A}0", "a{b=\"two\nlines\"} 1\nc 2", "a{} 0x1p-3\na{,} 1\na{b=\"\"} 1_0\n", string.Concat(Enumerable.Repeat("a{b=\"c\"} 1\n", 20)),
    ];

    private static string[] JsonSeeds =>
    [
        """
        {"kind":"EndpointSliceList","metadata":{"continue":"abc"},"items":[{"metadata":{"name":"kubernetes","namespace":"default","labels":{"a":"b"}},
        "addressType":"IPv4","endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true},"targetRef":{"kind":"Pod","name":"p"}}],
        "ports":[{"name":"https","port":6443,"protocol":"TCP"}]}]}
        """,
        """
        {"kind":"Endpoints","metadata":{"name":"kubernetes","namespace":"default"},
        "subsets":[{"addresses":[{"ip":"10.0.0.1","nodeName":"n\ud83d\ude00"}],"notReadyAddresses":null,"ports":[{"name":"https","port":6443}]}]}
        """,
        """
        {"type":"ADDED","object":{"kind":"EndpointSlice","metadata":{"name":"a","namespace":"b","resourceVersion":"12"},"endpoints":null}}
        {"type":"BOOKMARK","object":{"kind":"EndpointSlice","metadata":{"resourceVersion":"13"}}}
        {"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired","message":"too old"}}
        """,
        """{"items":null}""", """[[[[{"a":[1,2.5e9,"x"]}]]]]""",
    ];

    public static TheoryData<string> Names => [.. Readers.Keys];

    [Theory, MemberData(nameof(Names))]
    [Trait("Speed", "Slow")]
    public void It_ends_with_its_own_errors_wherever_the_input_is_cut(string name)
    {
        var (read, seeds) = Readers[name];
        var duration = TimeSpan.FromSeconds(
            double.Parse(Environment.GetEnvironmentVariable(DurationVariable) ?? "3", CultureInfo.InvariantCulture));
        var seed = Environment.GetEnvironmentVariable(DurationVariable) is null ? 1 : Random.Shared.Next();
        var mutator = new Mutator(seed, [.. seeds.Select(Encoding.UTF8.GetBytes)]);
        var clock = Stopwatch.StartNew();
        var inputs = 0;
        for (; inputs < 20_000 || Environment.GetEnvironmentVariable(DurationVariable) is not null; inputs++)
        {
            if (clock.Elapsed > duration)
                break;
            var input = inputs < seeds.Length ? Encoding.UTF8.GetBytes(seeds[inputs]) : mutator.Next();
            var piece = mutator.Next(input.Length + 1) + 1;
            try
            {
                Assert.Equal(read(input, int.MaxValue), read(input, piece));
            }
            catch (Exception e)
            {
                Assert.Fail($"{name}, seed {seed}, input {inputs}, pieces of {piece}: {Convert.ToBase64String(input)}\n{e}");
            }
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{inputs} inputs");
        Assert.True(inputs > 10);
    }

    /// <summary>
    /// A body that may be damaged in its compressed form. If it is found to be, it is in every way of reading it; how far the text goes
    /// before that, and so whether the text or its compression is blamed, depends on what zlib makes of its input so far.
    /// </summary>
    private static string ReadGzip(byte[] input, int piece)
    {
        var gzip = TargetGzip(input);
        // The damage is a part of the input: the same for all pieces.
        if (input.Length > 0 && gzip.Length > 0)
            gzip[(input[0] * 7 + input.Length) % gzip.Length] ^= (byte)(input[^1] | 1);
        var length = input.Length % 5 == 0 ? gzip.Length / 2 : gzip.Length;
        using var reader = new SampleReader();
        reader.Open(new ShortReads(gzip[..length], piece), 0);
        var text = new StringBuilder();
        while (reader.Read())
            text.Append(Encoding.Latin1.GetString(reader.Sample.Name)).Append(reader.Sample.Count).Append(' ');
        return reader.Error == ReadError.None ? text.ToString() : "failed";
    }

    private static byte[] TargetGzip(byte[] text)
    {
        var output = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(output, System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(text);
        return output.ToArray();
    }

    private static (Reader, string[]) ReadHead => ((input, _) =>
    {
        var status = HttpRequestHead.Parse(input, out var request);
        Assert.Contains(status, (int[])[0, 400, 505]);
        if (status == 0)
            Assert.All(request.Method + request.Path, c => Assert.InRange(c, '!', '~'));
        return $"{status} {request}";
    }, HeadSeeds);

    /// <summary>What is refused at its start would be refused as a whole.</summary>
    private static (Reader, string[]) ReadStarts => ((input, piece) =>
    {
        var end = input.AsSpan().IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return "";
        for (var length = Math.Min(piece, end); length < end; length += Math.Min(piece, 50))
        {
            if (HttpRequestHead.CheckStart(input.AsSpan(0, length)) != 0)
                Assert.NotEqual(0, HttpRequestHead.Parse(input.AsSpan(0, end), out _));
        }
        return "";
    }, [.. HeadSeeds.Select(s => s + "\r\n\r\n")]);

    private static string[] HeadSeeds =>
    [
        "GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close", "HEAD http://h:1/p?q HTTP/1.0\r\nX:\tv \r\nEmpty:",
        "POST /metrics HTTP/1.1\r\nHost: [::1]:9090\r\nContent-Length: 5\r\nTransfer-Encoding: chunked", "OPTIONS * HTTP/1.1\r\nHost: x",
    ];

    private static (Reader, string[]) ReadAnswer => ((input, _) =>
    {
        var status = (HttpStatusCode)(400 + input.Length % 200);
        var failure = Failures.FromStatus(status, new Uri("http://user:pass@receiver/write?key=1"), input);
        Assert.False(failure.IsNone);
        Assert.True(failure.Message.Length < 600);
        Assert.DoesNotContain(failure.Message, char.IsControl);
        Assert.StartsWith($"http://receiver/write answers {(int)status}",
            failure.Message.Replace("receiver:80 wants https", $"http://receiver/write answers {(int)status}"));
        return failure.Message;
    },
    [
        """{"kind":"Status","message":"User \"x\" cannot","reason":"Forbidden","code":403}""", "out of order sample\n\u001b[31mred\u2028",
        """{"status":"error","errorType":"bad_data","error":"é\ud83d\ude00"}""", "<html><body>502</body></html>", new string('x', 3000),
    ]);

    private static Reader ReadJson(Func<byte[], int, int> read) => (input, piece) =>
    {
        try
        {
            return read(input, piece).ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return e.GetType().Name;
        }
    };

    /// <summary>Gives at most so many bytes at a time.</summary>
    private sealed class ShortReads(byte[] bytes, int most) : MemoryStream(bytes)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, most));
    }
}
