using System.Text;
using Sidecar.Exposition;
using Sidecar.Tests.Exposition.Wire;
using static Sidecar.Tests.Exposition.ProtobufBody;

namespace Sidecar.Tests.Exposition;

/// <summary>
/// Classic histograms as native ones of custom buckets: what Prometheus 3.5.3 made of the same bodies with
/// convert_classic_histograms_to_nhcb, as its query API told it, but where a comment says otherwise.
/// </summary>
public sealed class HistogramConversionTests
{
    private const BodyReading Convert = BodyReading.ClassicToCustomBuckets;
    private const string Type = "# TYPE h histogram\n";

    private static readonly Dictionary<string, (string Body, string Expected)> Texts = new()
    {
        ["counts become differences of differences"] = (
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"+Inf\"} 4\nh_sum 5\nh_count 4\ng 1\n",
            "h{} [n=4 s=5 schema=-53 zero=0(0) +0:3 1 1 -1 - <=1 <=2]|g{} 1"),
        ["labels"] = (
            "h_bucket{a=\"x\",le=\"1\",b=\"z\"} 1\nh_bucket{a=\"x\",le=\"+Inf\",b=\"z\"} 1\nh_sum{b=\"z\",a=\"x\"} 5\n"
            + "h_bucket{a=\"y\",le=\"1\",e=\"\"} 2\nh_bucket{le=\"+Inf\",a=\"y\"} 2\nh_count{a=\"y\"} 2\n",
            "h{a=\"x\",b=\"z\"} [n=1 s=5 schema=-53 zero=0(0) +0:1 1 - <=1]|h{a=\"y\",e=\"\"} [n=2 s=0 schema=-53 zero=0(0) +0:1 2 - <=1]"),
        ["two empty buckets stay, three and those at the ends go"] = (
            Buckets(0, 1, 1, 1, 4, 4, 4, 4, 5, 5) + "h_count 5\n",
            "h{} [n=5 s=0 schema=-53 zero=0(0) +1:4 3:1 1 -1 0 3 -2 - <=1 <=2 <=3 <=4 <=5 <=6 <=7 <=8 <=9]"),
        ["no observation"] = (Buckets(0, 0), "h{} [n=0 s=0 schema=-53 zero=0(0) + - <=1]"),
        ["no infinite bucket"] = ("h_bucket{le=\"1\"} 1\nh_count 4\n", "h{} [n=4 s=0 schema=-53 zero=0(0) +0:2 1 2 - <=1]"),
        ["no count"] = (Buckets(1, 2), "h{} [n=2 s=0 schema=-53 zero=0(0) +0:2 1 0 - <=1]"),
        ["a count alone"] = ("h_count 2\n", "h{} [n=2 s=0 schema=-53 zero=0(0) +0:1 2 -]"),
        ["a sum alone"] = ("h_sum 2\n", "h{} [n=0 s=2 schema=-53 zero=0(0) + -]"),
        ["a fraction makes all of it floats, with no empty buckets at all"] = (
            "h_bucket{le=\"1\"} 1.5\nh_bucket{le=\"2\"} 1.5\nh_bucket{le=\"+Inf\"} 4\nh_count 4\n",
            "h{} [float n=4 s=0 schema=-53 zero=0(0) +0:1 1:1 1.5 2.5 - <=1 <=2]"),
        ["more than 64 bits hold"] = (Buckets(1e19), "h{} [float n=1E+19 s=0 schema=-53 zero=0(0) +0:1 1E+19 -]"),
        ["any order, and the first of a bound"] = (
            "h_count 4\nh_bucket{le=\"+Inf\"} 4\nh_bucket{le=\"2\"} 3\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"2.0\"} 9\n",
            "h{} [n=4 s=0 schema=-53 zero=0(0) +0:3 1 1 -1 - <=1 <=2]"),
        ["a sum that is no number"] = (Buckets(1) + "h_sum NaN\n", "h{} [n=1 s=NaN schema=-53 zero=0(0) +0:1 1 -]"),
        ["counts that fall"] = (Buckets(3, 2, 4) + "g 1\n", "g{} 1"),
        ["another count than that of all buckets"] = (Buckets(3, 4) + "h_count 5\n", ""),
        ["a negative count"] = (Buckets(-1, 4), ""),
        ["a negative total"] = ("h_count -1\n", ""),
        ["a bound below all"] = ("h_bucket{le=\"-Inf\"} 1\nh_bucket{le=\"+Inf\"} 2\n", ""),
        ["what is no bucket stays"] = (
            "h_bucket{le=\"x\"} 1\nh_bucket 2\nh 3\nh_bucket{le=\"NaN\"} 1\nh_max 7\n",
            "h_bucket{le=\"x\"} 1|h_bucket{} 2|h{} 3|h_bucket{le=\"NaN\"} 1|h_max{} 7"),
        ["what is no bucket ends no histogram either, where it is named like one"] = (
            "h_bucket{le=\"1\"} 1\nh_bucket{le=\"x\"} 1\nh_bucket{le=\"+Inf\"} 2\n",
            "h_bucket{le=\"x\"} 1|h{} [n=2 s=0 schema=-53 zero=0(0) +0:2 1 0 - <=1]"),
        ["histograms that are mixed are as many as there are pieces"] = (
            "h_bucket{a=\"x\",le=\"+Inf\"} 1\nh_count{a=\"y\"} 2\nh_count{a=\"x\"} 1\n",
            "h{a=\"x\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]|h{a=\"y\"} [n=2 s=0 schema=-53 zero=0(0) +0:1 2 -]|"
            + "h{a=\"x\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]"),
        ["the next metric ends it"] = (
            Buckets(1) + "# TYPE i histogram\ni_bucket{le=\"+Inf\"} 2\n# TYPE h_count counter\nh_count 7\n",
            "h{} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]|i{} [n=2 s=0 schema=-53 zero=0(0) +0:1 2 -]|h_count{} 7"),
        // Prometheus 3.5 gives it the timestamp of whatever line comes next.
        ["timestamps"] = ("h_bucket{le=\"+Inf\"} 1 5\nh_count 1 5\ng 1 7\n", "h{} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -] @5|g{} 1 @7"),
        ["a line that fails"] = (Buckets(1) + "broken\n", "! line 3, column 7: a number must follow as the value: broken"),
    };

    internal static IEnumerable<byte[]> Seeds => Texts.Values.Select(t => Encoding.UTF8.GetBytes(Type + t.Body));

    public static TheoryData<string> Names => [.. Texts.Keys];

    [Theory, MemberData(nameof(Names))]
    public void Text_gives_what_prometheus_makes_of_it(string name) =>
        Assert.Equal(Texts[name].Expected, Read(Type + Texts[name].Body, BodyFormat.PrometheusText004));

    [Fact]
    public void Without_a_type_nothing_is_converted() => Assert.Equal(
        "h_bucket{le=\"+Inf\"} 1|h_count{} 1", Read("h_bucket{le=\"+Inf\"} 1\nh_count 1\n", BodyFormat.PrometheusText100));

    [Theory]
    [InlineData("gaugehistogram", "h_bucket{le=\"+Inf\"} 1|h_gcount{} 1")]
    [InlineData("histogram", "h_gcount{} 1|h{} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]", "h_gcount 1\nh_bucket{le=\"+Inf\"} 1\n")]
    public void Gauge_histograms_are_not_converted(string type, string expected, string body = "h_bucket{le=\"+Inf\"} 1\nh_gcount 1\n") =>
        Assert.Equal(expected, Read($"# TYPE h {type}\n{body}# EOF\n", BodyFormat.OpenMetricsText100));

    /// <summary>
    /// Prometheus 3.5 loses the line _created, and gives no start without --enable-feature=created-timestamp-zero-ingestion.
    /// </summary>
    [Fact]
    public void The_line_created_stays_and_tells_when_the_histogram_began() => Assert.Equal(
        "h{a=\"b\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -] since 1234500|h_created{a=\"b\"} 1234.5",
        Read(Type + "h_bucket{a=\"b\",le=\"+Inf\"} 1\nh_count{a=\"b\"} 1\nh_created{a=\"b\"} 1234.5\n# EOF\n",
            BodyFormat.OpenMetricsText100));

    [Theory]
    [InlineData("h_created{a=\"c\"} 5")]
    [InlineData("h_created{a=\"b\"} NaN")]
    [InlineData("i_created{a=\"b\"} 5")]
    public void Another_line_created_tells_nothing(string line) => Assert.StartsWith(
        "h{a=\"b\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]|",
        Read($"{Type}h_count{{a=\"b\"}} 1\n{line}\n# EOF\n", BodyFormat.OpenMetricsText100));

    [Fact]
    public void Exemplars_with_a_time_are_kept_in_its_order() => Assert.Equal(
        "h{} [n=4 s=0 schema=-53 zero=0(0) +0:2 1 2 - <=1] # {t=\"z\"} 0.7 @1000 # {t=\"x\"} 0.5 @1500",
        Read(Type + "h_bucket{le=\"1.0\"} 1 # {t=\"x\"} 0.5 1.5\nh_bucket{le=\"+Inf\"} 4 # {t=\"y\"} 3\n"
            + "h_count 4 # {t=\"z\"} 0.7 1\n# EOF\n",
            BodyFormat.OpenMetricsText100));

    [Fact]
    public void The_classic_series_are_there_too_where_they_are_wanted() => Assert.Equal(
        "h_bucket{a=\"1\",le=\"2.0\"} 1|h_bucket{a=\"1\",le=\"+Inf\"} 1|h_count{a=\"1\"} 1|"
        + "h{a=\"1\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 - <=2]|h_sum{} 3|h{} [n=0 s=3 schema=-53 zero=0(0) + -]",
        Read(Type + "h_bucket{a=\"1\",le=\"2\"} 1\nh_bucket{a=\"1\",le=\"+Inf\"} 1\nh_count{a=\"1\"} 1\nh_sum 3\n",
            BodyFormat.PrometheusText100, Convert | BodyReading.ClassicToo));

    [Fact]
    public void Bounds_may_stay_as_scraped_beside_it() => Assert.Equal(
        "h_bucket{le=\"1\"} 1|h{} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 - <=1]",
        Read(Type + "h_bucket{le=\"1\"} 1\n", BodyFormat.PrometheusText100,
            Convert | BodyReading.ClassicToo | BodyReading.BoundsAsScraped));

    /// <summary>Prometheus 3.5 converts nothing more once it has met a native one whose series follow.</summary>
    [Theory]
    [InlineData(Convert, "a{x=\"1\"} N|a{x=\"2\"} C|b{x=\"1\"} C")]
    [InlineData(BodyReading.ClassicToo,
        "a{x=\"1\"} N|a_count{x=\"1\"} 6|a_sum{x=\"1\"} 4.5|a_bucket{x=\"1\",le=\"1.0\"} 3|a_bucket{x=\"1\",le=\"+Inf\"} 6|"
        + "a_count{x=\"2\"} 3|a_sum{x=\"2\"} 4.5|a_bucket{x=\"2\",le=\"1.0\"} 1|a_bucket{x=\"2\",le=\"+Inf\"} 3|"
        + "b_count{x=\"1\"} 3|b_sum{x=\"1\"} 4.5|b_bucket{x=\"1\",le=\"1.0\"} 1|b_bucket{x=\"1\",le=\"+Inf\"} 3")]
    [InlineData(Convert | BodyReading.ClassicToo,
        "a{x=\"1\"} N|a_count{x=\"1\"} 6|a_sum{x=\"1\"} 4.5|a_bucket{x=\"1\",le=\"1.0\"} 3|a_bucket{x=\"1\",le=\"+Inf\"} 6|"
        + "a_count{x=\"2\"} 3|a_sum{x=\"2\"} 4.5|a_bucket{x=\"2\",le=\"1.0\"} 1|a_bucket{x=\"2\",le=\"+Inf\"} 3|a{x=\"2\"} C|"
        + "b_count{x=\"1\"} 3|b_sum{x=\"1\"} 4.5|b_bucket{x=\"1\",le=\"1.0\"} 1|b_bucket{x=\"1\",le=\"+Inf\"} 3|b{x=\"1\"} C")]
    public void Protobuf_gives_the_native_form_where_there_is_one_and_what_is_asked_for_beside_it(object reading, string expected)
    {
        var both = new Histogram(NativeHistogram()) { Bucket = { new Bucket { UpperBound = 1, CumulativeCount = 3 } } };
        var body = Of(
            Family("a", MetricKind.Histogram, Native(both, "x", "1"), Classic(3, 4.5, [(1, 1)], "x", "2")),
            Family("b", MetricKind.Histogram, Classic(3, 4.5, [(1, 1)], "x", "1")));
        Assert.Equal(
            expected.Replace("N", "[n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]")
                .Replace("C", "[n=3 s=4.5 schema=-53 zero=0(0) +0:2 1 1 - <=1]"),
            string.Join('|', ParsedText.ReadAtEverySplit(body, BodyFormat.PrometheusProto, (BodyReading)reading)));
    }

    /// <summary>With native histograms off, the classic form of each is what there is, and what is converted.</summary>
    [Fact]
    public void Where_native_histograms_are_off_all_classic_ones_are_converted() => Assert.Equal(
        "a{} [n=6 s=4.5 schema=-53 zero=0(0) +0:2 3 0 - <=1] since 1500",
        string.Join('|', ParsedText.ReadAtEverySplit(
            Of(Family("a", MetricKind.Histogram, Native(new(NativeHistogram())
            {
                CreatedTimestamp = Time(1500), Bucket = { new Bucket { UpperBound = 1, CumulativeCount = 3 } },
            }))), BodyFormat.PrometheusProtoClassic, Convert)));

    [Fact]
    public void A_native_histogram_without_classic_buckets_has_no_classic_series() => Assert.Equal(
        "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]",
        string.Join('|', ParsedText.ReadAtEverySplit(
            Of(Family("a", MetricKind.Histogram, Native(NativeHistogram()))), BodyFormat.PrometheusProto, BodyReading.ClassicToo)));

    /// <summary>What the next body says of its metrics is another thing, whether the one before was read to its end or not.</summary>
    [Fact]
    public void Another_body_begins_anew()
    {
        using var reader = new SampleReader();
        var body = Encoding.UTF8.GetBytes("# HELP h One.\n" + Type + "h_count{a=\"1\"} 1\nh_count{a=\"2\"} 2\n");
        for (var turn = 0; turn < 3; turn++)
        {
            reader.Open(new MemoryStream(ParsedText.Gzip(body)), 0, BodyFormat.PrometheusText100, Convert);
            Assert.True(reader.Read());
            Assert.Equal("h{a=\"1\"} [n=1 s=0 schema=-53 zero=0(0) +0:1 1 -]", ParsedText.Describe(reader.Sample));
            Assert.Equal("One.", Encoding.UTF8.GetString(reader.Sample.Family.Help));
            Assert.Equal(MetricType.Histogram, reader.Sample.Family.Type);
            reader.Open(new MemoryStream(ParsedText.Gzip("h_count 1\n"u8)), 0);
            Assert.True(reader.Read());
            Assert.Equal("h_count{} 1", ParsedText.Describe(reader.Sample));
        }
    }

    /// <summary>More than anybody has: nothing is made of it, and the time that it takes stays in bounds.</summary>
    [Fact]
    public void Too_many_buckets_are_no_histogram()
    {
        var text = new StringBuilder(Type);
        for (var i = 20_000; i > 0; i--)
            text.Append($"h_bucket{{le=\"{i}\"}} 1\n");
        Assert.Equal("g{} 1", Read(text + "g 1\n", BodyFormat.PrometheusText004, splits: false));
    }

    /// <summary>Told, since nothing else says that they are not sent.</summary>
    [Theory]
    [InlineData(BodyReading.Usual, 0)]
    [InlineData(Convert, 2)]
    [InlineData(Convert | BodyReading.ClassicToo, 0)]
    public void What_makes_no_histogram_is_counted_where_nothing_of_it_is_sent(object reading, int expected)
    {
        using var reader = new SampleReader();
        var body = Type + "h_bucket{a=\"1\",le=\"1\"} 2\nh_bucket{a=\"1\",le=\"+Inf\"} 1\nh_count{a=\"2\"} 2\n"
            + "h_bucket{a=\"3\",le=\"1\"} 2\nh_bucket{a=\"3\",le=\"+Inf\"} 1\n";
        for (var turn = 0; turn < 2; turn++)
        {
            reader.Open(
                new MemoryStream(ParsedText.Gzip(Encoding.UTF8.GetBytes(body))), 0, BodyFormat.PrometheusText004, (BodyReading)reading);
            while (reader.Read())
            {
            }
            Assert.Equal(expected, reader.Unconverted);
        }
    }

    private static string Buckets(params double[] counts) =>
        string.Concat(counts.Select((c, i) => $"h_bucket{{le=\"{(i == counts.Length - 1 ? "+Inf" : i + 1)}\"}} {c:R}\n"));

    private static string Read(string body, BodyFormat format, BodyReading reading = Convert, bool splits = true)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        return string.Join('|', splits
            ? ParsedText.ReadAtEverySplit(bytes, format, reading) : ParsedText.ReadWhole(bytes, format, reading));
    }
}
