using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>
/// Accepts what Prometheus 3 accepts in the text format, and rejects what it rejects (model/textparse/promlex.l, promparse.go).
/// </summary>
public sealed class TextParserTests
{
    public static TheoryData<string, string> Good => new()
    {
        { "", "" },
        { "\n\n  \n\t\n", "" },
        { "a 1\n", "a{} 1" },
        { "a 1", "a{} 1" },
        { "  a 1\n", "a{} 1" },
        { "\ta\t1\t\n", "a{} 1" },
        { "a{} 1\n", "a{} 1" },
        { "a {} 1\n", "a{} 1" },
        { "a{b=\"c\"} 1\n", "a{b=\"c\"} 1" },
        { "a{b=\"c\"}1\n", "a{b=\"c\"} 1" },
        { "a { b = \"c\" } 1\n", "a{b=\"c\"} 1" },
        { "a{b=\"c\",} 1\n", "a{b=\"c\"} 1" },
        { "a{b=\"c\",d=\"e\"} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"c\" ,\td=\"e\"} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"c\" d=\"e\"} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"c\"d=\"e\"} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"\"} 1\n", "a{b=\"\"} 1" },
        { "a{b=\"} 1 #{,=\"} 1\n", "a{b=\"} 1 #{,=\"} 1" },
        { "a:b_c9{_x=\"1\"} 1\n", "a:b_c9{_x=\"1\"} 1" },
        { ":a 1\n_ 2\n", ":a{} 1|_{} 2" },
        { "a 1 1234\n", "a{} 1 @1234" },
        { "a 1 0\n", "a{} 1 @0" },
        { "a 1\t1234 \n", "a{} 1 @1234" },
        { "a 1 9223372036854775807\n", "a{} 1 @9223372036854775807" },
        { "a 0\n", "a{} 0" },
        { "a -1\n", "a{} -1" },
        { "a +1\n", "a{} 1" },
        { "a+1\n", "a{} 1" },
        { "a -0\n", "a{} -0" },
        { "a 1.5\n", "a{} 1.5" },
        { "a .5\n", "a{} 0.5" },
        { "a 5.\n", "a{} 5" },
        { "a 1e3\n", "a{} 1000" },
        { "a 1E-3\n", "a{} 0.001" },
        { "a 2.9970000000000003e-06\n", "a{} 2.9970000000000003E-06" },
        { "a 1e-400\n", "a{} 0" },
        { "a 1e-99999999999\n", "a{} 0" },
        { "a 0e99999999999\n", "a{} 0" },
        { "a{\"b.c\"=\"x\"} 1\na{\"b.c\"=\"y\"} 2\n", "a{b.c=\"x\"} 1|a{b.c=\"y\"} 2" },
        { "a 123456789012345\n", "a{} 123456789012345" },
        { "a 12345678901234567890\n", "a{} 1.2345678901234567E+19" },
        { "a 000000000000000000001\n", "a{} 1" },
        { "a NaN\na nan\na NAN\n", "a{} NaN|a{} NaN|a{} NaN" },
        { "a Inf\na +Inf\na -inf\na infinity\na -Infinity\n", "a{} Infinity|a{} Infinity|a{} -Infinity|a{} Infinity|a{} -Infinity" },
        { "# comment\na 1\n", "a{} 1" },
        { "#\n#comment\n#HELP\n# \na 1\n", "a{} 1" },
        { "  # HELP a text\na 1\n", "a{} 1" },
        { "# HELP a\na 1\n", "a{} 1" },
        { "# HELP a \na 1\n", "a{} 1" },
        { "# HELP a some \\n text \"quoted\n", "" },
        { "# HELPER a b\n# TYPES a b\n# TYPE\n# HELP\n", "" },
        { "#\t TYPE\t a\tcounter\na 1\n", "a{} 1" },
        { "# TYPE a counter\n# TYPE a gauge\n# TYPE a histogram\n# TYPE a summary\n# TYPE a untyped\n", "" },
        { "# TYPE \"a b\" counter\n", "" },
        { "# EOF\na 1\n", "a{} 1" },
        { "a{b=\"x\\\\y\"} 1\n", "a{b=\"x\\y\"} 1" },
        { "a{b=\"x\\\"y\"} 1\n", "a{b=\"x\"y\"} 1" },
        { "a{b=\"x\\ny\"} 1\n", "a{b=\"x\ny\"} 1" },
        { "a{b=\"x\\ty\"} 1\n", "a{b=\"x\\ty\"} 1" },
        { "a{b=\"\\\\n\"} 1\n", "a{b=\"\\n\"} 1" },
        { "a{b=\"\\\\\",c=\"\\\"\"} 1\n", "a{b=\"\\\",c=\"\"\"} 1" },
        { "a{b=\"x\ny\"} 1\n", "a{b=\"x\ny\"} 1" },
        { "a{b=\"x\n\n# y\n\",c=\"\n\"} 1\nb 2\n", "a{b=\"x\n\n# y\n\",c=\"\n\"} 1|b{} 2" },
        { "a{b=\"ünïcode 日本\"} 1\n", "a{b=\"ünïcode 日本\"} 1" },
        { "{\"a\"} 1\n", "a{} 1" },
        { "{\"a b.c\",d=\"e\"} 1\n", "a b.c{d=\"e\"} 1" },
        { "{d=\"e\",\"a\"} 1\n", "a{d=\"e\"} 1" },
        { "{\"a\",} 1\n", "a{} 1" },
        { "a{\"b.c\"=\"d\"} 1\n", "a{b.c=\"d\"} 1" },
        { "{\"a\\\"b\",\"c\\\\d\"=\"e\"} 1\n", "a\"b{c\\d=\"e\"} 1" },
        { "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"0.5\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
            "a_bucket{le=\"1.0\"} 1|a_bucket{le=\"0.5\"} 1|a_bucket{le=\"+Inf\"} 1|a_count{} 1" },
        { "# TYPE a histogram\na_bucket{x=\"1\",le=\"1000000\",y=\"2\"} 1\n", "a_bucket{x=\"1\",le=\"1e+06\",y=\"2\"} 1" },
        { "# TYPE a histogram\na_bucket{quantile=\"1\"} 1\n", "a_bucket{quantile=\"1\"} 1" },
        { "# TYPE a summary\na{quantile=\"1\"} 1\na{quantile=\"0.50\"} 1\na{le=\"1\"} 1\n",
            "a{quantile=\"1.0\"} 1|a{quantile=\"0.5\"} 1|a{le=\"1\"} 1" },
        { "# TYPE a gauge\na{le=\"1\",quantile=\"1\"} 1\n", "a{le=\"1\",quantile=\"1\"} 1" },
        { "a{le=\"1\"} 1\n", "a{le=\"1\"} 1" },
        { "# TYPE a histogram\na_bucket{le=\"x\"} 1\n", "a_bucket{le=\"x\"} 1" },
    };

    public static TheoryData<string, string> Bad => new()
    {
        { "a\n", "line 1, column 2: a number must follow as the value" },
        { "a", "a number must follow" },
        { "a \n", "a number must follow" },
        { "a b\n", "a number must follow" },
        { "a 1 b\n", "a timestamp in milliseconds" },
        { "a 1 1 1\n", "a timestamp in milliseconds" },
        { "a 1 -1\n", "a timestamp in milliseconds" },
        { "a 1 1.5\n", "a timestamp in milliseconds" },
        { "a 1 12a\n", "a timestamp in milliseconds" },
        { "a 1 9223372036854775808\n", "does not fit 64 bits" },
        { "a 1\r\n", "a number must follow" },
        { "a 1{\n", "a timestamp in milliseconds" },
        { "a 1 # {} 1\n", "a timestamp in milliseconds" },
        { "9a 1\n", "a metric name" },
        { "-a 1\n", "a metric name" },
        { "\"a\" 1\n", "a metric name" },
        { "=\n", "a metric name" },
        { "ü 1\n", "a metric name" },
        { "a.b 1\n", "a number must follow" },
        { "a 1_000\n", "a number must follow" },
        { "a 0x1p4\n", "a number must follow" },
        { "a 0x10\n", "a number must follow" },
        { "a 1e400\n", "a number must follow" },
        { "a -1e400\n", "a number must follow" },
        { "a 1e\n", "a number must follow" },
        { "a .\n", "a number must follow" },
        { "a -\n", "a number must follow" },
        { "a --1\n", "a number must follow" },
        { "a +nan\n", "a number must follow" },
        { "a -NaN\n", "a number must follow" },
        { "a infi\n", "a number must follow" },
        { "a 1,5\n", "a number must follow" },
        { "a{ 1\n", "a label name or '}'" },
        { "a{b} 1\n", "'=' must follow" },
        { "a{b=} 1\n", "a label value in double quotes" },
        { "a{b=c} 1\n", "a label value in double quotes" },
        { "a{b='c'} 1\n", "a label value in double quotes" },
        { "a{b=\"c} 1\n", "never closed" },
        { "a{b=\"c", "never closed" },
        { "a{b=\"c\"", "a label name or '}'" },
        { "a{b=\"c\" 1\n", "a label name or '}'" },
        { "a{b=\"c\",,d=\"e\"} 1\n", "a label name or '}'" },
        { "a{,b=\"c\"} 1\n", "a label name or '}'" },
        { "a{b=\"c\"\n,d=\"e\"} 1\n", "a label name or '}'" },
        { "a{b:c=\"d\"} 1\n", "'=' must follow" },
        { "a{9=\"d\"} 1\n", "a label name or '}'" },
        { "a{b=\"c\\\nd\"} 1\n", "a backslash stands at the end of the line" },
        { "a{b=\"c\"} {d=\"e\"} 1\n", "a number must follow" },
        { "{} 1\n", "no name" },
        { "{b=\"c\"} 1\n", "no name" },
        { "{A}0\n", "'=' must follow" }, // four bytes that end a Prometheus 3.5.3 process
        { "{A}0", "'=' must follow" },
        { "{\"\"} 1\n", "empty name" },
        { "a{\"b.c\"=\"x\"} 1\na{b.c=\"x\"} 2\n", "line 2, column 4: '=' must follow" }, // the names of the line before are no excuse
        { "a{\"b\\\"c\"=\"x\"} 1\na{b\"c=\"x\"} 2\n", "line 2" },
        { "a{\"1\"=\"x\"} 1\na{1=\"x\"} 2\n", "line 2" },
        { "{\"a b\"} 1\na b 2\n", "line 2, column 3: a number must follow" },
        { "{\"a\n\"} 1\na\n", "line 3, column 2: a number must follow" },
        { "{\"1\"} 1\n1 2\n", "line 2, column 1: a metric name" },
        { "a 1\0\n", "a number must follow" },
        { "a 1.5\0\0\n", "a number must follow" },
        { "a \0\n", "a number must follow" },
        { "a 1\u00a0\n", "a number must follow" },
        { "a 1\v\n", "a number must follow" },
        { "a 1e+\n", "a number must follow" },
        { "a 1e5.5\n", "a number must follow" },
        { "a 1e99999999999\n", "a number must follow" },
        { "a 1,000\n", "a number must follow" },
        { "a (1)\n", "a number must follow" },
        { "{\"a\",\"b\"} 1\n", "two names" },
        { "a{\"b\"} 1\n", "two names" },
        { "{\"a} 1\n", "never closed" },
        { "# HELP aé\n", "the help text is not valid UTF-8" },
        { "# TYPE a\n", "the type must be" },
        { "# TYPE a unknown\n", "the type must be" },
        { "# TYPE a Counter\n", "the type must be" },
        { "# TYPE a counter \n", "the type must be" },
        { "# TYPE a  counter\n", "the type must be" },
        { "# TYPE a info\n", "the type must be" },
        { "# TYPE \n", "must follow TYPE" },
        { "# TYPE 1 counter\n", "must follow TYPE" },
        { "# HELP \n", "must follow HELP" },
        { "# HELP .\n", "must follow HELP" },
        { "# TYPE \"a counter\n", "never closed" },
        { "\0", "a metric name" },
        { "ok 1\nok 2\n\nbad\n", "line 4, column 4: a number must follow as the value: bad" },
        { "a{b=\"x\n\ny\"} 1\nbad\n", "line 4, column 4:" },
    };

    [Theory, MemberData(nameof(Good))]
    public void Good_text_gives_its_samples(string body, string expected) =>
        Assert.Equal(expected, string.Join('|', ParsedText.Read(body)));

    [Theory, MemberData(nameof(Bad))]
    public void Bad_text_is_refused_with_its_cause(string body, string cause)
    {
        var last = ParsedText.Read(body)[^1];
        Assert.StartsWith("! ", last);
        Assert.Contains(cause, last);
    }

    [Theory]
    [InlineData("a{b=\"\xff\"} 1\n", "a label value is not valid UTF-8")]
    [InlineData("a{\"\xff\"=\"b\"} 1\n", "a name is not valid UTF-8")]
    [InlineData("{\"\xff\"} 1\n", "a name is not valid UTF-8")]
    [InlineData("# HELP a \xff\n", "the help text is not valid UTF-8")]
    [InlineData("a{b=\"\xed\xa0\x80\"} 1\n", "a label value is not valid UTF-8")]
    public void Invalid_utf8_fails_the_scrape(string latin1, string cause) =>
        Assert.Contains(cause, ParsedText.Read(Encoding.Latin1.GetBytes(latin1))[^1]);

    [Fact]
    public void Invalid_utf8_in_a_plain_comment_is_nobody_s_business() =>
        Assert.Equal(["a{} 1"], ParsedText.Read(Encoding.Latin1.GetBytes("# \xff\na 1\n")));

    [Fact]
    public void Result_does_not_depend_on_where_windows_cut_the_input()
    {
        foreach (var row in Good.Concat(Bad))
        {
            var body = row.Data.Item1;
            var whole = ParsedText.ReadAtEverySplit(Encoding.UTF8.GetBytes(body), BodyFormat.PrometheusText004);
            for (var chunk = 1; chunk <= 16; chunk++)
                Assert.Equal(whole, ParsedText.Read(body, chunk));
        }
    }

    [Fact]
    public void Lines_longer_than_the_window_are_read()
    {
        var value = new string('x', 3 * SampleReader.WindowSize);
        Assert.Equal([$"a{{b=\"{value}\"}} 1", "b{} 2"], ParsedText.Read($"a{{b=\"{value}\"}} 1\nb 2\n"));
    }

    [Fact]
    public void A_line_longer_than_the_bound_fails_with_its_number()
    {
        var body = "a 1\nb{c=\"" + new string('x', SampleReader.LongestLine + 1) + "\"} 1\n";
        Assert.Equal($"! line 2 is longer than {SampleReader.LongestLine} bytes", ParsedText.Read(body)[^1]);
    }

    [Fact]
    public void A_body_over_the_limit_fails() =>
        Assert.Contains("reaches SIDECAR_BODY_SIZE_LIMIT", ParsedText.Read("a 1\nb 2\n", limit: 8)[^1]);

    [Fact]
    public void Truncated_and_damaged_gzip_fails()
    {
        var gzip = ParsedText.Gzip("a 1\nb 2\n"u8);
        for (var length = 1; length < gzip.Length; length++)
        {
            using var reader = new SampleReader();
            reader.Open(new MemoryStream(gzip, 0, length), 0);
            while (reader.Read())
            {
            }
            Assert.True(reader.Error == ReadError.Compression, $"cut at {length} of {gzip.Length}: {reader.Error}");
        }
        gzip[15] ^= 1;
        using var flipped = new SampleReader();
        flipped.Open(new MemoryStream(gzip), 0);
        while (flipped.Read())
        {
        }
        Assert.NotEqual(ReadError.None, flipped.Error);
    }

    [Fact]
    public void A_warm_pass_allocates_nothing_for_its_samples()
    {
        var body = new StringBuilder("# TYPE a histogram\n");
        for (var i = 0; i < 5000; i++)
            body.Append($"a_bucket{{verb=\"GET\",code=\"{i}\",le=\"{i % 7}\"}} {i}.5\na_sum{{verb=\"GET\",code=\"{i}\"}} 1e-05\n");
        var gzip = ParsedText.Gzip(Encoding.UTF8.GetBytes(body.ToString()));
        using var reader = new SampleReader();
        long Allocated()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            reader.Open(new MemoryStream(gzip), 0);
            var samples = 0;
            while (reader.Read())
                samples++;
            Assert.Equal(10_000, samples);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Allocated();
        // The stream objects of a body, and nothing that grows with it.
        Assert.InRange(Allocated(), 0, 20_000);
    }
}
