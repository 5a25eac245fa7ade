using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>
/// Accepts what Prometheus 3 accepts in OpenMetrics text, and rejects what it rejects (model/textparse/openmetricslex.l,
/// openmetricsparse.go).
/// </summary>
public sealed class OpenMetricsParserTests
{
    private const string Long64 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    /// <summary>Bodies without their last line, <c># EOF</c>, and their samples.</summary>
    public static TheoryData<string, string> Good => new()
    {
        { "", "" },
        { "a 1\n", "a{} 1" },
        { "a{} 1\n", "a{} 1" },
        { "a{b=\"c\"} 1\n", "a{b=\"c\"} 1" },
        { "a{b=\"c\",d=\"e\"} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"c\",} 1\n", "a{b=\"c\"} 1" },
        { "a{b=\"c\",d=\"e\",} 1\n", "a{b=\"c\",d=\"e\"} 1" },
        { "a{b=\"\"} 1\n", "a{b=\"\"} 1" },
        { "a{b=\"} 1 # {\"} 1\n", "a{b=\"} 1 # {\"} 1" },
        { "a:b_c9{_x=\"1\"} 1\n", "a:b_c9{_x=\"1\"} 1" },
        { ":a 1\n_ 2\n", ":a{} 1|_{} 2" },
        { "a{b=\"c\"} 1\na{b=\"d\"} 2\na{b=\"e\"} 3\n", "a{b=\"c\"} 1|a{b=\"d\"} 2|a{b=\"e\"} 3" },
        { "a{b=\"c\"} 1\na{b=\"d\",e=\"f\"} 2\na{e=\"g\"} 3\na 4\n", "a{b=\"c\"} 1|a{b=\"d\",e=\"f\"} 2|a{e=\"g\"} 3|a{} 4" },
        { "a 0\n", "a{} 0" },
        { "a -1\n", "a{} -1" },
        { "a +1\n", "a{} 1" },
        { "a 1.5\n", "a{} 1.5" },
        { "a .5\n", "a{} 0.5" },
        { "a 5.\n", "a{} 5" },
        { "a 1e3\n", "a{} 1000" },
        { "a 1E-3\n", "a{} 0.001" },
        { "a 123456789012345\n", "a{} 123456789012345" },
        { "a 12345678901234567890\n", "a{} 1.2345678901234567E+19" },
        { "a NaN\na nan\n", "a{} NaN|a{} NaN" },
        { "a Inf\na +Inf\na -Inf\na infinity\n", "a{} Infinity|a{} Infinity|a{} -Infinity|a{} Infinity" },
        { "a 1 2\n", "a{} 1 @2000" },
        { "a 1 0\n", "a{} 1 @0" },
        { "a 1 1.5\n", "a{} 1 @1500" },
        { "a 1 1.2345\n", "a{} 1 @1234" }, // cut, not rounded
        { "a 1 1.9999\n", "a{} 1 @1999" },
        { "a 1 1520879607.789\n", "a{} 1 @1520879607789" },
        { "a 1 1.520879607789e9\n", "a{} 1 @1520879607789" },
        { "a 1 -1.5\n", "a{} 1 @-1500" },
        { "a 1 +2\n", "a{} 1 @2000" },
        { "a 1 0.0009\n", "a{} 1 @0" },
        { "a{b=\"c\"} 1.5 2.5\n", "a{b=\"c\"} 1.5 @2500" },
        // Metadata
        { "# TYPE a counter\na_total 1\n", "a_total{} 1" },
        { "# TYPE a gauge\n# TYPE a histogram\n# TYPE a gaugehistogram\n# TYPE a summary\n# TYPE a info\n# TYPE a stateset\n# TYPE a unknown\n", "" },
        { "# HELP a text\na 1\n", "a{} 1" },
        { "# HELP a \na 1\n", "a{} 1" },
        { "# HELP a some \\n text \\\"quoted\\\"\n", "" },
        { "# HELP a #\n", "" },
        { "# UNIT a_seconds seconds\n", "" },
        { "# UNIT a_seconds \n", "" },
        { "# UNIT a \n", "" },
        { "# UNIT _s s\n", "" },
        { "# TYPE \"a b\" gauge\n{\"a b\"} 1\n", "a b{} 1" },
        { "# TYPE \"a\nb\" gauge\na 1\n", "a{} 1" },
        { "# UNIT \"a b_seconds\" seconds\n", "" },
        { "# HELP \"\" text\n", "" },
        // Not the parser's business, as in Prometheus: types and suffixes that do not fit, metrics that are torn apart, repeated metadata.
        { "# TYPE a counter\na 1\n", "a{} 1" },
        { "# TYPE a counter\nb 1\na_total 1\n", "b{} 1|a_total{} 1" },
        { "a 1\n# TYPE a gauge\na 2\n", "a{} 1|a{} 2" },
        { "# TYPE a info\na_info{v=\"1\"} 1\n", "a_info{v=\"1\"} 1" },
        { "# TYPE a stateset\na{a=\"x\"} 0\na{a=\"y\"} 1\n", "a{a=\"x\"} 0|a{a=\"y\"} 1" },
        // _created lines are samples like all others with Prometheus's defaults.
        { "# TYPE a counter\na_total 1\na_created 1520430000.123\n", "a_total{} 1|a_created{} 1520430000.123" },
        { "# TYPE a counter\na_total{b=\"c\"} 1 # {x=\"y\"} 1\na_created{b=\"c\"} 5\n",
        "a_total{b=\"c\"} 1 # {x=\"y\"} 1|a_created{b=\"c\"} 5" },
        // Quoted names
        { "{\"a\"} 1\n", "a{} 1" },
        { "{\"a b.c\",d=\"e\"} 1\n", "a b.c{d=\"e\"} 1" },
        { "{d=\"e\",\"a\"} 1\n", "a{d=\"e\"} 1" },
        { "{d=\"e\",\"a\",f=\"g\"} 1\n", "a{d=\"e\",f=\"g\"} 1" },
        { "{\"a\",} 1\n", "a{} 1" },
        { "a{\"b.c\"=\"d\"} 1\n", "a{b.c=\"d\"} 1" },
        { "a{\"b.c\"=\"x\"} 1\na{\"b.c\"=\"y\"} 2\n", "a{b.c=\"x\"} 1|a{b.c=\"y\"} 2" },
        { "{\"a\\\"b\",\"c\\\\d\"=\"e\"} 1\n", "a\"b{c\\d=\"e\"} 1" },
        { "{\"a\\nb\"} 1\n", "a\nb{} 1" },
        { "{\"a\nb\"} 1\nc 2\n", "a\nb{} 1|c{} 2" },
        { "a{\"b\nc\"=\"d\"} 1\ne 2\n", "a{b\nc=\"d\"} 1|e{} 2" },
        { "{\"ünïcode 日本\"} 1\n", "ünïcode 日本{} 1" },
        // Escapes
        { "a{b=\"x\\\\y\"} 1\n", "a{b=\"x\\y\"} 1" },
        { "a{b=\"x\\\"y\"} 1\n", "a{b=\"x\"y\"} 1" },
        { "a{b=\"x\\ny\"} 1\n", "a{b=\"x\ny\"} 1" },
        { "a{b=\"x\\ty\"} 1\n", "a{b=\"x\\ty\"} 1" },
        { "a{b=\"\\\\n\"} 1\n", "a{b=\"\\n\"} 1" },
        { "a{b=\"x\0y\"} 1\n", "a{b=\"x\0y\"} 1" },
        { "a{b=\"ünïcode 日本\"} 1\n", "a{b=\"ünïcode 日本\"} 1" },
        // le and quantile
        { "# TYPE a histogram\na_bucket{le=\"1\"} 1\na_bucket{le=\"0.50\"} 1\na_bucket{le=\"+Inf\"} 1\na_count 1\n",
            "a_bucket{le=\"1.0\"} 1|a_bucket{le=\"0.5\"} 1|a_bucket{le=\"+Inf\"} 1|a_count{} 1" },
        { "# TYPE a summary\na{quantile=\"1\"} 1\na{quantile=\"0.990\"} 1\n", "a{quantile=\"1.0\"} 1|a{quantile=\"0.99\"} 1" },
        { "# TYPE a gaugehistogram\na_bucket{le=\"1\"} 1\n", "a_bucket{le=\"1\"} 1" }, // not in Prometheus either
        { "# TYPE a gauge\na{le=\"1\"} 1\n", "a{le=\"1\"} 1" },
        // Exemplars
        { "a_total 1 # {} 1\n", "a_total{} 1 # {} 1" },
        { "a_total 1 # {b=\"c\"} 1\n", "a_total{} 1 # {b=\"c\"} 1" },
        { "a_total 1 # {b=\"c\"} 0.5 2.5\n", "a_total{} 1 # {b=\"c\"} 0.5 @2500" },
        { "a_total 1 1.5 # {b=\"c\"} 0.5 2.5\n", "a_total{} 1 @1500 # {b=\"c\"} 0.5 @2500" },
        { "a_total 1 # {b=\"c\",d=\"e\"} 1\n", "a_total{} 1 # {b=\"c\",d=\"e\"} 1" },
        { "a_total 1 # {d=\"e\",b=\"c\"} 1\n", "a_total{} 1 # {b=\"c\",d=\"e\"} 1" }, // sorted
        { "a_total 1 # {b=\"c\",} 1\n", "a_total{} 1 # {b=\"c\"} 1" },
        { "a_total 1 # {b=\"\",c=\"d\"} 1\n", "a_total{} 1 # {c=\"d\"} 1" }, // empty values are no labels
        { "a_total 1 # {\"b.c\"=\"d\"} 1\n", "a_total{} 1 # {b.c=\"d\"} 1" },
        { "a_total 1 # {b=\"c\\\"d\\n\\\\\"} 1\n", "a_total{} 1 # {b=\"c\"d\n\\\"} 1" },
        { "a_total 1 # {b=\"c\"} NaN\n", "a_total{} 1 # {b=\"c\"} NaN" },
        { "a_total 1 # {b=\"c\"} +Inf -1\n", "a_total{} 1 # {b=\"c\"} Infinity @-1000" },
        { "a 1 # {b=\"c\"} 1\nd_bucket{le=\"1\"} 1 # {} 2\n", "a{} 1 # {b=\"c\"} 1|d_bucket{le=\"1\"} 1 # {} 2" },
        { "a_total{b=\"c\"} 1 # {b=\"c\"} 1\na_total{b=\"d\"} 2\n", "a_total{b=\"c\"} 1 # {b=\"c\"} 1|a_total{b=\"d\"} 2" },
        { "a_total 1 # {b=\"# {\"} 1\n", "a_total{} 1 # {b=\"# {\"} 1" },
        // Exemplars that Prometheus does not store cost nothing else.
        { "a_total 1 # {b=\"c\",b=\"d\"} 1\n", "a_total{} 1" },
        { $"a_total 1 # {{b=\"{Long64}{Long64}\"}} 1\n", "a_total{} 1" },
        { $"a_total 1 # {{b=\"{Long64}{Long64[1..]}\"}} 1\n", $"a_total{{}} 1 # {{b=\"{Long64}{Long64[1..]}\"}} 1" },
        { $"a_total 1 # {{bb=\"{Long64}\",c=\"{Long64}\"}} 1\n", "a_total{} 1" },
        // characters, not bytes
        { $"a_total 1 # {{b=\"{Long64}{Long64[..62]}é\"}} 1\n", $"a_total{{}} 1 # {{b=\"{Long64}{Long64[..62]}é\"}} 1" },
    };

    public static TheoryData<string, string> Bad => new()
    {
        { "a 1\n", "does not end with # EOF" },
        { "a 1", "the body ends within a line" },
        { "\n", "a metric name, '{' or '# '" },
        { "\n# EOF\n", "line 1, column 1: a metric name" },
        { "a 1\n\n# EOF\n", "line 2, column 1: a metric name" },
        { "# EOF\n\n", "nothing may follow # EOF" },
        { "# EOF\na 1\n", "nothing may follow # EOF" },
        { "# EOF\n# EOF\n", "nothing may follow # EOF" },
        { "# EOF ", "nothing may follow # EOF" },
        { "# EOFa 1\n", "nothing may follow # EOF" },
        { "# EOF\0", "nothing may follow # EOF" },
        { " # EOF\n", "a metric name" },
        { "#EOF\n", "only # TYPE" },
        { "a 1\n#EOF\n", "only # TYPE" },
        { "#  EOF\n", "only # TYPE" },
        { "# eof\n", "only # TYPE" },
        { "#\n# EOF\n", "only # TYPE" },
        { "# \n# EOF\n", "only # TYPE" },
        { "# comment\n# EOF\n", "only # TYPE" },
        { "#\tTYPE a counter\n# EOF\n", "only # TYPE" },
        { "# TYPES a counter\n# EOF\n", "only # TYPE" },
        { "# TYPE\n# EOF\n", "only # TYPE" },
        { "# TYPE\ta counter\n# EOF\n", "only # TYPE" },
        { "# HELP\n# EOF\n", "only # TYPE" },
        { "# UNIT\n# EOF\n", "only # TYPE" },
        { "# TYPE \n# EOF\n", "a metric name must stand here" },
        { "# TYPE 1 counter\n# EOF\n", "a metric name must stand here" },
        { "# TYPE  a counter\n# EOF\n", "a metric name must stand here" },
        { "# HELP \n# EOF\n", "a metric name must stand here" },
        { "# UNIT \n# EOF\n", "a metric name must stand here" },
        { "# TYPE a\n# EOF\n", "one space must follow the metric name" },
        { "# HELP a\n# EOF\n", "one space must follow the metric name" },
        { "# UNIT a\n# EOF\n", "one space must follow the metric name" },
        { "# TYPE a\tcounter\n# EOF\n", "one space must follow the metric name" },
        { "# TYPE a.b counter\n# EOF\n", "one space must follow the metric name" },
        { "# TYPE a \n# EOF\n", "the type must be" },
        { "# TYPE a  counter\n# EOF\n", "the type must be" },
        { "# TYPE a counter \n# EOF\n", "the type must be" },
        { "# TYPE a Counter\n# EOF\n", "the type must be" },
        { "# TYPE a untyped\n# EOF\n", "the type must be" },
        { "# TYPE a undefined\n# EOF\n", "the type must be" },
        { "# TYPE \"a counter\n# EOF\n", "never closed" },
        { "# UNIT a_b c\n# EOF\n", "the unit must be how" },
        { "# UNIT aseconds seconds\n# EOF\n", "the unit must be how" },
        { "# UNIT seconds seconds\n# EOF\n", "the unit must be how" },
        { "# UNIT a seconds\n# EOF\n", "the unit must be how" },
        { "# UNIT a_seconds  seconds\n# EOF\n", "the unit must be how" },
        { "# UNIT a_seconds_total seconds\n# EOF\n", "the unit must be how" },
        { "{\"a b\"} 1\na b 2\n# EOF\n", "line 2, column 3: one space and a number" },
        { "{\"a\n\"} 1\na\n", "line 3, column 2: one space and a number" },
        { "a\n# EOF\n", "one space and a number" },
        { "a \n# EOF\n", "one space and a number" },
        { "a  1\n# EOF\n", "one space and a number" },
        { "a\t1\n# EOF\n", "one space and a number" },
        { "a1\n# EOF\n", "one space and a number" },
        { "a{}1\n# EOF\n", "one space and a number" },
        { "a {} 1\n# EOF\n", "one space and a number" },
        { " a 1\n# EOF\n", "a metric name" },
        { "9a 1\n# EOF\n", "a metric name" },
        { "\"a\" 1\n# EOF\n", "a metric name" },
        { "ü 1\n# EOF\n", "a metric name" },
        { "a.b 1\n# EOF\n", "one space and a number" },
        { "a b\n# EOF\n", "one space and a number" },
        { "a true\n# EOF\n", "one space and a number" },
        { "a 1_2\n# EOF\n", "one space and a number" },
        { "a 0x1p-3\n# EOF\n", "one space and a number" },
        { "a 0x10\n# EOF\n", "one space and a number" },
        { "a 1e400\n# EOF\n", "one space and a number" },
        { "a +nan\n# EOF\n", "one space and a number" },
        { "a 1,5\n# EOF\n", "one space and a number" },
        { "a 1\r\n# EOF\n", "one space and a number" },
        { "a 1\t2\n# EOF\n", "one space and a number" },
        { "a 1\0\n# EOF\n", "one space and a number" },
        { "a 1 \n# EOF\n", "a timestamp in seconds" },
        { "a 1  2\n# EOF\n", "a timestamp in seconds" },
        { "a 1 b\n# EOF\n", "a timestamp in seconds" },
        { "a 1 1z\n# EOF\n", "a timestamp in seconds" },
        { "a 1 NaN\n# EOF\n", "a timestamp in seconds" },
        { "a 1 Inf\n# EOF\n", "a timestamp in seconds" },
        { "a 1 -Inf\n# EOF\n", "a timestamp in seconds" },
        { "a 1 1_2\n# EOF\n", "a timestamp in seconds" },
        { "a 1 0x1p-3\n# EOF\n", "a timestamp in seconds" },
        { "a 1 2 \n# EOF\n", "the end of the line" },
        { "a 1 2 3\n# EOF\n", "the end of the line" },
        { "a 1 2 #\n# EOF\n", "the end of the line" },
        { "a 1 #\n# EOF\n", "a timestamp in seconds" },
        { "a 1 #{b=\"c\"} 1\n# EOF\n", "a timestamp in seconds" },
        { "a 1 # comment\n# EOF\n", "a timestamp in seconds" },
        { "a 1# {b=\"c\"} 1\n# EOF\n", "one space and a number" },
        { "a{ 1\n# EOF\n", "a label name or '}'" },
        { "a{b} 1\n# EOF\n", "'=' must follow" },
        { "a{b=} 1\n# EOF\n", "a label value in double quotes" },
        { "a{b=c} 1\n# EOF\n", "a label value in double quotes" },
        { "a{b='c'} 1\n# EOF\n", "a label value in double quotes" },
        { "a{b= \"c\"} 1\n# EOF\n", "a label value in double quotes" },
        { "a{b =\"c\"} 1\n# EOF\n", "'=' must follow" },
        { "a{ b=\"c\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{b=\"c\" } 1\n# EOF\n", "',' or '}' must follow" },
        { "a{b=\"c\", d=\"e\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{b=\"c\" ,d=\"e\"} 1\n# EOF\n", "',' or '}' must follow" },
        { "a{b=\"c\"d=\"e\"} 1\n# EOF\n", "',' or '}' must follow" },
        { "a{b=\"c\" d=\"e\"} 1\n# EOF\n", "',' or '}' must follow" },
        { "a{b=\"c\",,d=\"e\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{,} 1\n# EOF\n", "a label name or '}'" },
        { "a{,b=\"c\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{=\"c\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{9=\"c\"} 1\n# EOF\n", "a label name or '}'" },
        { "a{b:c=\"d\"} 1\n# EOF\n", "'=' must follow" },
        { "a{b=\"c} 1\n# EOF\n", "not closed on its line" },
        { "a{b=\"c\nd\"} 1\n# EOF\n", "not closed on its line" },
        { "a{b=\"\n# EOF\n", "not closed on its line" },
        { "a{b=\"c\\\nd\"} 1\n# EOF\n", "a backslash stands at the end of the line" },
        { "a{b=\"c\"", "',' or '}' must follow" },
        { "a{b=\"c\"}", "one space and a number" },
        { "a{b=\"c\"} {d=\"e\"} 1\n# EOF\n", "one space and a number" },
        { "a{\"b\"} 1\n# EOF\n", "two names" },
        { "{} 1\n# EOF\n", "no name" },
        { "{b=\"c\"} 1\n# EOF\n", "no name" },
        { "{\"a\",\"b\"} 1\n# EOF\n", "two names" },
        { "{\"a\" } 1\n# EOF\n", "'=' must follow" },
        { "{\"a\"\"b\"} 1\n# EOF\n", "'=' must follow" },
        { "{\"\"} 1\n# EOF\n", "empty name" },
        { "{A} 1\n# EOF\n", "'=' must follow" },
        { "{\"a} 1\n# EOF\n", "never closed" },
        { "a 1 # {\n# EOF\n", "a label name or '}'" },
        { "a 1 # {b} 1\n# EOF\n", "'=' must follow" },
        { "a 1 # {\"b\"} 1\n# EOF\n", "'=' must follow" },
        { "a 1 # {b=c} 1\n# EOF\n", "a label value in double quotes" },
        { "a 1 # {b=\"c\",d=,} 1\n# EOF\n", "a label value in double quotes" },
        { "a 1 # {b=\"c\" } 1\n# EOF\n", "',' or '}' must follow" },
        { "a 1 # {,} 1\n# EOF\n", "a label name or '}'" },
        { "a 1 # {b=\"c\nd\"} 1\n# EOF\n", "not closed on its line" },
        { "a 1 # {\"b\nc\"=\"d\"} 1\n# EOF\n", "not closed on its line" },
        { "a 1 # {b=\"c\"}\n# EOF\n", "the exemplar's value" },
        { "a 1 # {b=\"c\"} \n# EOF\n", "the exemplar's value" },
        { "a 1 # {b=\"c\"}  1\n# EOF\n", "the exemplar's value" },
        { "a 1 # {b=\"c\"} x\n# EOF\n", "the exemplar's value" },
        { "a 1 # {b=\"c\"} 1 \n# EOF\n", "or the end of the line, must follow the exemplar's value" },
        { "a 1 # {b=\"c\"} 1 NaN\n# EOF\n", "must follow the exemplar's value" },
        { "a 1 # {b=\"c\"} 1 Inf\n# EOF\n", "must follow the exemplar's value" },
        { "a 1 # {b=\"c\"} 1 2 3\n# EOF\n", "the end of the line" },
        { "a 1 # {b=\"c\"} 1 2 # {} 1\n# EOF\n", "the end of the line" },
        { "a 1 # {b=\"c\"} 1", "the body ends within a line" },
        { "# TYPE a counter", "does not end with # EOF" },
        { "ok 1\nok 2\nbad\n# EOF\n", "line 3, column 4: one space and a number must follow as the value: bad" },
        { "{\"a\n\nb\"} 1\nbad\n# EOF\n", "line 4, column 4:" },
    };

    [Theory, MemberData(nameof(Good))]
    public void Good_text_gives_its_samples(string body, string expected)
    {
        Assert.Equal(expected, Joined(body + "# EOF\n"));
        Assert.Equal(expected, Joined(body + "# EOF")); // the last line break may be missing
    }

    [Theory, MemberData(nameof(Bad))]
    public void Bad_text_is_refused_with_its_cause(string body, string cause)
    {
        var last = ParsedText.ReadAtEverySplit(Encoding.UTF8.GetBytes(body), BodyFormat.OpenMetricsText100)[^1];
        Assert.StartsWith("! ", last);
        Assert.Contains(cause, last);
    }

    [Fact]
    public void Nothing_good_is_complete_without_EOF()
    {
        foreach (var row in Good.Where(r => r.Data.Item1.Length > 0))
            Assert.StartsWith("! the body does not end with # EOF",
                ParsedText.Read(row.Data.Item1, format: BodyFormat.OpenMetricsText001)[^1]);
    }

    [Fact]
    public void An_empty_body_is_good() => Assert.Empty(ParsedText.Read("", format: BodyFormat.OpenMetricsText100));

    [Theory]
    [InlineData("a{b=\"\xff\"} 1\n", "a label value is not valid UTF-8")]
    [InlineData("a{\"\xff\"=\"b\"} 1\n", "a name is not valid UTF-8")]
    [InlineData("{\"\xff\"} 1\n", "a name is not valid UTF-8")]
    [InlineData("# HELP a \xff\n", "the help text is not valid UTF-8")]
    [InlineData("a{\xff=\"b\"} 1\n", "a label name")]
    [InlineData("a 1 # {b=\"\xff\"} 1\n", "a label value is not valid UTF-8")]
    public void Invalid_utf8_fails_the_scrape(string latin1, string cause) =>
        Assert.Contains(cause, ParsedText.ReadAtEverySplit(Encoding.Latin1.GetBytes(latin1 + "# EOF\n"),
        BodyFormat.OpenMetricsText100)[^1]);

    [Fact]
    public void An_exemplar_whose_label_name_is_not_utf8_is_left_out() => Assert.Equal(
        ["a{} 1"], ParsedText.Read(Encoding.Latin1.GetBytes("a 1 # {\"\xff\"=\"b\"} 1\n# EOF\n"), format: BodyFormat.OpenMetricsText100));

    private static string Joined(string body) =>
        string.Join('|', ParsedText.ReadAtEverySplit(Encoding.UTF8.GetBytes(body), BodyFormat.OpenMetricsText100));
}
