using Google.Protobuf;
using Sidecar.Exposition;
using static Sidecar.Tests.Exposition.ProtobufBody;
using MetricFamily = Sidecar.Tests.Exposition.Wire.MetricFamily;
using BucketSpan = Sidecar.Tests.Exposition.Wire.BucketSpan;
using Sidecar.Tests.Exposition.Wire;

namespace Sidecar.Tests.Exposition;

/// <summary>
/// Gives the series that Prometheus 3 gives for protobuf bodies (model/textparse/protobufparse.go), cut wherever they are.
/// </summary>
public sealed class ProtobufReaderTests
{
    private const double Infinity = double.PositiveInfinity;

    private static readonly Dictionary<string, (MetricFamily[] Body, string Expected)> GoodBodies = new()
    {
        ["nothing"] = ([], ""),
        ["a family without metrics"] = ([Family("a", MetricKind.Counter)], ""),
        ["a family without metrics is not looked at"] =
        ([new MetricFamily { Unit = "x" }, Family("a", MetricKind.Gauge, Gauge(1))], "a{} 1"),
        ["counter"] = ([Family("a_total", MetricKind.Counter, Counter(1.5))], "a_total{} 1.5"),
        ["counter without a type, which is the default"] = ([new() { Name = "a", Metric = { Counter(2) } }], "a{} 2"),
        ["gauge"] = ([Family("a", MetricKind.Gauge, Gauge(-1))], "a{} -1"),
        ["untyped"] = ([Family("a", MetricKind.Untyped, Untyped(1))], "a{} 1"),
        ["labels"] = ([Family("a", MetricKind.Gauge, Gauge(1, "b", "c", "d", "e"))], "a{b=\"c\",d=\"e\"} 1"),
        ["empty label value"] = ([Family("a", MetricKind.Gauge, Gauge(1, "b", ""))], "a{b=\"\"} 1"),
        ["label without a value"] = ([Family("a", MetricKind.Gauge,
        new Metric { Gauge = new() { Value = 1 }, Label = { new LabelPair { Name = "b" } } })], "a{b=\"\"} 1"),
        ["no escapes here"] = ([Family("a", MetricKind.Gauge, Gauge(1, "b", "x\\n\"\ny"))], "a{b=\"x\\n\"\ny\"} 1"),
        ["any UTF-8 in names"] = ([Family("a b.ü", MetricKind.Gauge, Gauge(1, "c.d", "日本"))], "a b.ü{c.d=\"日本\"} 1"),
        ["le is nothing special in a gauge"] = ([Family("a", MetricKind.Gauge, Gauge(1, "le", "1"))], "a{le=\"1\"} 1"),
        ["several metrics"] = ([Family("a", MetricKind.Gauge, Gauge(1, "b", "c"), Gauge(2, "b", "d"), Gauge(3, "e", "f"), Gauge(4))],
            "a{b=\"c\"} 1|a{b=\"d\"} 2|a{e=\"f\"} 3|a{} 4"),
        ["several families"] = ([Family("a", MetricKind.Gauge, Gauge(1)), Family("bb", MetricKind.Counter, Counter(2))], "a{} 1|bb{} 2"),
        ["timestamp"] = ([Family("a", MetricKind.Gauge, new Metric { Gauge = new() { Value = 1 }, TimestampMs = 1234 })], "a{} 1 @1234"),
        ["negative timestamp"] = ([Family("a", MetricKind.Gauge, new Metric { Gauge = new() { Value = 1 }, TimestampMs = -5 })],
        "a{} 1 @-5"),
        ["timestamp zero is none"] = ([Family("a", MetricKind.Gauge, new Metric { Gauge = new() { Value = 1 }, TimestampMs = 0 })],
        "a{} 1"),
        ["NaN"] = ([Family("a", MetricKind.Gauge, Gauge(double.NaN))], "a{} NaN"),
        ["a scraped marker is a NaN like any other"] =
            ([Family("a", MetricKind.Gauge, Gauge(BitConverter.UInt64BitsToDouble(0x7ff0000000000002)))], "a{} NaN"),
        ["infinity"] = ([Family("a", MetricKind.Gauge, Gauge(Infinity))], "a{} Infinity"),
        ["no value is zero"] = ([Family("a", MetricKind.Gauge, new Metric())], "a{} 0"),
        ["a value of another type counts for nothing"] = ([Family("a", MetricKind.Gauge, Counter(5))], "a{} 0"),
        ["value before labels"] = ([Family("a", MetricKind.Gauge, Gauge(1, "b", "c"))], "a{b=\"c\"} 1"),
        ["created counter"] = ([Family("a", MetricKind.Counter,
        new Metric { Counter = new() { Value = 1, CreatedTimestamp = Time(1500) } })], "a{} 1 since 1500"),
        ["exemplar of a counter"] = ([Family("a", MetricKind.Counter,
        new Metric { Counter = new() { Value = 1, Exemplar = Exemplar(0.5, 2500, "t", "x") } })],
            "a{} 1 # {t=\"x\"} 0.5 @2500"),
        ["exemplar without a timestamp"] =
        ([Family("a", MetricKind.Counter, new Metric { Counter = new() { Value = 1, Exemplar = Exemplar(0.5, null, "t", "x") } })],
            "a{} 1 # {t=\"x\"} 0.5"),
        ["exemplar with a name twice"] =
        ([Family("a", MetricKind.Counter, new Metric { Counter = new() { Value = 1, Exemplar = Exemplar(1, 1, "t", "x", "t", "y") } })],
        "a{} 1"),
        ["exemplar with 129 characters"] =
            ([Family("a", MetricKind.Counter,
            new Metric { Counter = new() { Value = 1, Exemplar = Exemplar(1, 1, "t", new string('x', 128)) } })], "a{} 1"),
        ["unit"] = ([new() { Name = "a_seconds", Unit = "seconds", Type = MetricKind.Gauge, Metric = { Gauge(1) } }], "a_seconds{} 1"),
        ["unit of a counter"] = ([new() { Name = "a_seconds_total", Unit = "seconds", Type = MetricKind.Counter,
        Metric = { Counter(1) } }], "a_seconds_total{} 1"),
        // Summaries
        ["summary"] = ([Family("a", MetricKind.Summary, Summary(3, 4.5, [(0.5, 1), (0.99, 2)]))],
            "a_count{} 3|a_sum{} 4.5|a{quantile=\"0.5\"} 1|a{quantile=\"0.99\"} 2"),
        ["summary without quantiles"] = ([Family("a", MetricKind.Summary, Summary(3, 4.5, []))], "a_count{} 3|a_sum{} 4.5"),
        ["summaries with labels"] = ([Family("a", MetricKind.Summary, Summary(1, 2, [(1, 3)], "b", "c"),
        Summary(4, 5, [(0, double.NaN)], "b", "d"))],
            "a_count{b=\"c\"} 1|a_sum{b=\"c\"} 2|a{b=\"c\",quantile=\"1.0\"} 3|a_count{b=\"d\"} 4|a_sum{b=\"d\"} 5|a{b=\"d\",quantile=\"0.0\"} NaN"),
        ["empty summary"] = ([Family("a", MetricKind.Summary, new Metric())], "a_count{} 0|a_sum{} 0"),
        ["created summary"] = ([Family("a", MetricKind.Summary,
        new Metric { Summary = new() { SampleCount = 1, CreatedTimestamp = Time(1500) }, TimestampMs = 7 })],
            "a_count{} 1 @7 since 1500|a_sum{} 0 @7 since 1500"),
        // Classic histograms
        ["histogram"] = ([Family("a", MetricKind.Histogram, Classic(3, 4.5, [(0.5, 1), (1, 2), (Infinity, 3)]))],
            "a_count{} 3|a_sum{} 4.5|a_bucket{le=\"0.5\"} 1|a_bucket{le=\"1.0\"} 2|a_bucket{le=\"+Inf\"} 3"),
        ["histogram without its infinite bucket"] = ([Family("a", MetricKind.Histogram, Classic(3, 4.5, [(0.5, 1), (1, 2)]))],
            "a_count{} 3|a_sum{} 4.5|a_bucket{le=\"0.5\"} 1|a_bucket{le=\"1.0\"} 2|a_bucket{le=\"+Inf\"} 3"),
        ["histogram without buckets"] =
        ([Family("a", MetricKind.Histogram, Classic(3, 4.5, []))], "a_count{} 3|a_sum{} 4.5|a_bucket{le=\"+Inf\"} 3"),
        ["empty histogram"] = ([Family("a", MetricKind.Histogram, new Metric())], "a_count{} 0|a_sum{} 0|a_bucket{le=\"+Inf\"} 0"),
        ["nothing is read behind the infinite bucket"] = ([Family("a", MetricKind.Histogram, Classic(3, 4.5, [(Infinity, 3), (1, 2)]))],
            "a_count{} 3|a_sum{} 4.5|a_bucket{le=\"+Inf\"} 3"),
        ["bounds of buckets"] = ([Family("a", MetricKind.Histogram,
        Classic(0, 0, [(-1, 0), (0, 0), (1e-7, 0), (1e6, 0), (123456.5, 0), (2.5e20, 0)]))],
            "a_count{} 0|a_sum{} 0|a_bucket{le=\"-1.0\"} 0|a_bucket{le=\"0.0\"} 0|a_bucket{le=\"1e-07\"} 0|a_bucket{le=\"1e+06\"} 0|"
            + "a_bucket{le=\"123456.5\"} 0|a_bucket{le=\"2.5e+20\"} 0|a_bucket{le=\"+Inf\"} 0"),
        ["histograms with labels"] = ([Family("a", MetricKind.Histogram, Classic(1, 2, [(1, 1)], "b", "c"),
        Classic(3, 4, [(1, 2)], "b", "d"))],
            "a_count{b=\"c\"} 1|a_sum{b=\"c\"} 2|a_bucket{b=\"c\",le=\"1.0\"} 1|a_bucket{b=\"c\",le=\"+Inf\"} 1|"
            + "a_count{b=\"d\"} 3|a_sum{b=\"d\"} 4|a_bucket{b=\"d\",le=\"1.0\"} 2|a_bucket{b=\"d\",le=\"+Inf\"} 3"),
        ["gauge histogram"] = ([Family("a", MetricKind.GaugeHistogram, Classic(3, 4.5, [(1, 2)]))],
            "a_count{} 3|a_sum{} 4.5|a_bucket{le=\"1.0\"} 2|a_bucket{le=\"+Inf\"} 3"),
        ["classic histogram of floats"] =
            ([Family("a", MetricKind.Histogram,
            new Metric { Histogram = new() { SampleCountFloat = 3.5,
            Bucket = { new Bucket { UpperBound = 1, CumulativeCountFloat = 2.5 } } } })],
            "a_count{} 3.5|a_sum{} 0|a_bucket{le=\"1.0\"} 2.5|a_bucket{le=\"+Inf\"} 3.5"),
        ["exemplars and created of a histogram"] = ([Family("a", MetricKind.Histogram, new Metric
            {
                Histogram = new()
                {
                    SampleCount = 2, CreatedTimestamp = Time(1500),
                    Bucket = { new Bucket { UpperBound = 1, CumulativeCount = 1, Exemplar = Exemplar(0.5, 5, "t", "x") },
                    new Bucket { UpperBound = 2, CumulativeCount = 2, Exemplar = Exemplar(1.5, null) } },
                },
            })],
            "a_count{} 2 since 1500|a_sum{} 0 since 1500|a_bucket{le=\"1.0\"} 1 since 1500 # {t=\"x\"} 0.5 @5|a_bucket{le=\"2.0\"} 2 since 1500 # {} 1.5|"
            + "a_bucket{le=\"+Inf\"} 2 since 1500"),
        // Native histograms
        ["native histogram"] = ([Family("a", MetricKind.Histogram, Native(NativeHistogram(), "b", "c"))],
            "a{b=\"c\"} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]"),
        ["classic buckets of a native histogram go"] =
        ([Family("a", MetricKind.Histogram,
        Native(new(NativeHistogram()) { Bucket = { new Bucket { UpperBound = 1, CumulativeCount = 3 } } }))],
            "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]"),
        ["native gauge histogram"] = ([Family("a", MetricKind.GaugeHistogram, Native(NativeHistogram()))],
        "a{} [gauge n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]"),
        ["native histogram of floats"] = ([Family("a", MetricKind.Histogram, Native(new()
            {
                SampleCountFloat = 2.5, SampleSum = 1, ZeroCountFloat = 0.5, ZeroThreshold = 0.1,
                    PositiveSpan = { new BucketSpan { Offset = 1, Length = 2 } },
                PositiveCount = { 1.5, 0.5 },
            }))], "a{} [float n=2.5 s=1 schema=0 zero=0.5(0.1) +1:2 1.5 0.5 -]"),
        ["native histogram without observations"] =
        ([Family("a", MetricKind.Histogram, Native(new() { PositiveSpan = { new BucketSpan { Offset = 0, Length = 0 } } }))],
            "a{} [n=0 s=0 schema=0 zero=0(0) +0:0 -]"),
        ["native histogram that observed NaN"] =
        ([Family("a", MetricKind.Histogram, Native(new() { SampleCount = 2, SampleSum = double.NaN, ZeroCount = 1 }))],
            "a{} [n=2 s=NaN schema=0 zero=1(0) + -]"),
        ["native exemplars are sorted, and those without a time left out"] =
        ([Family("a", MetricKind.Histogram, Native(new(NativeHistogram())
            {
                Exemplars = { Exemplar(3, 30, "t", "c"), Exemplar(1, 10, "t", "a"), Exemplar(2, null, "t", "b") },
                Bucket = { new Bucket { UpperBound = 1, Exemplar = Exemplar(9, 9) } },
            }))], "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1] # {t=\"a\"} 1 @10 # {t=\"c\"} 3 @30"),
        ["without native exemplars those of the buckets"] = ([Family("a", MetricKind.Histogram, Native(new(NativeHistogram())
            {
                Bucket = { new Bucket { UpperBound = 1, Exemplar = Exemplar(9, 9) },
                    new Bucket { UpperBound = 2, Exemplar = Exemplar(8, null) } },
            }))], "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1] # {} 9 @9"),
        ["created native histogram"] =
        ([Family("a", MetricKind.Histogram,
        new Metric { Histogram = new(NativeHistogram()) { CreatedTimestamp = Time(1234) }, TimestampMs = 5 })],
            "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1] @5 since 1234"),
        // Prometheus 3.5 reads the second as a classic one, and fails where a native one comes first.
        ["each histogram of a family is what it brings"] =
            ([Family("a", MetricKind.Histogram, Classic(1, 1, []), Native(NativeHistogram(), "b", "c"), Classic(2, 3, [], "b", "d"))],
            "a_count{} 1|a_sum{} 1|a_bucket{le=\"+Inf\"} 1|a{b=\"c\"} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]|"
            + "a_count{b=\"d\"} 2|a_sum{b=\"d\"} 3|a_bucket{b=\"d\",le=\"+Inf\"} 2"),
        ["native: a classic one behind it"] = ([Family("a", MetricKind.Histogram, Native(NativeHistogram()), Classic(1, 1, [], "b", "c"))],
            "a{} [n=6 s=4.5 schema=1 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]|"
            + "a_count{b=\"c\"} 1|a_sum{b=\"c\"} 1|a_bucket{b=\"c\",le=\"+Inf\"} 1"),
        ["a coarser schema than today's"] = ([Family("a", MetricKind.Histogram, Native(new(NativeHistogram()) { Schema = -9 }))],
            "a{} [n=6 s=4.5 schema=-9 zero=2(0.001) +0:1 2:1 1 1 --3:1 1]"),
        // Of schema 10, four buckets go into one: 1 to 4 into 1, 5 to 8 into 2, 9 to 12 into 3, 13 to 16 into 4.
        ["a finer schema is reduced to 8"] = ([Family("a", MetricKind.Histogram, Native(new()
            {
                SampleCount = 21, SampleSum = 1, Schema = 10, ZeroThreshold = 0.1,
                PositiveSpan = { new BucketSpan { Offset = 1, Length = 5 }, new BucketSpan { Offset = 7, Length = 1 } },
                PositiveDelta = { 1, 0, 0, 0, 1, 1 },
                NegativeSpan = { new BucketSpan { Offset = -2, Length = 4 } }, NegativeDelta = { 2, 1, 0, 1 },
            }))], "a{} [n=21 s=1 schema=8 zero=0(0.1) +1:2 1:1 4 -2 1 -0:2 8 -4]"),
        ["a finer schema of floats"] = ([Family("a", MetricKind.Histogram, Native(new()
            {
                SampleCountFloat = 3, Schema = 52, PositiveCount = { 0.5, 1.5, 1 },
                PositiveSpan = { new BucketSpan { Offset = -1, Length = 3 } },
            }))], "a{} [float n=3 s=0 schema=8 zero=0(0) +0:2 2 1 -]"),
    };

    private static readonly Dictionary<string, (byte[] Body, string Cause)> BadBodies = new()
    {
        ["no name"] = (Of(new MetricFamily { Metric = { Gauge(1) } }), "metric family 1: the name is missing"),
        ["unknown type"] = (Raw(0x0a, 1, (byte)'a', 0x18, 6, 0x22, 0), "metric family 1 (a): the type 6 is unknown"),
        ["unit that is no suffix"] = (Of(new MetricFamily { Name = "a", Unit = "s", Type = MetricKind.Gauge, Metric = { Gauge(1) } }),
        "the unit must be how"),
        ["unit that is all of the name"] =
        (Of(new MetricFamily { Name = "_s", Unit = "_s", Type = MetricKind.Gauge, Metric = { Gauge(1) } }), "the unit must be how"),
        ["name not UTF-8"] = (Raw(0x0a, 1, 0xff, 0x22, 0), "the name is missing or not valid UTF-8"),
        ["help not UTF-8"] = (Raw(0x0a, 1, (byte)'a', 0x12, 1, 0xff, 0x22, 0), "the help text is not valid UTF-8"),
        ["label name empty"] = (Of(Family("a", MetricKind.Gauge, Gauge(1, "", "b"))), "metric family 1 (a), metric 1: a label has no name"),
        ["label value not UTF-8"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 8, 0x0a, 6, 0x0a, 1, (byte)'b', 0x12, 1, 0xff),
        "a label is not valid UTF-8"),
        ["label name not UTF-8"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 5, 0x0a, 3, 0x0a, 1, 0xff), "a label is not valid UTF-8"),
        ["label cut"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 4, 0x0a, 2, 0x0a, 9), "a label is damaged"),
        ["metric cut"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 2, 0x0a, 9), "it is damaged"),
        ["value cut"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 4, 0x12, 2, 0x09, 0), "its value is damaged"),
        ["value of the wrong wire type"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 4, 0x12, 2, 0x08, 1), "its value is damaged"),
        ["labels of the wrong wire type"] = (Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x22, 2, 0x08, 1), "it is damaged"),
        ["name of the wrong wire type"] = (Raw(0x08, 1, 0x22, 0), "a field has the wrong wire type"),
        ["field number zero"] = (Raw(0x02, 0), "a field is damaged"),
        ["group"] = (Raw(0x33, 0x34), "a field is damaged"),
        ["field longer than its family"] = (Raw(0x0a, 9, (byte)'a'), "longer than its family"),
        ["family cut"] = ([5, 0x0a, 1, (byte)'a'], "the body ends within it"),
        ["length cut"] = ([0x80], "not complete"),
        ["length too long"] = ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "no length"),
        ["length of 16 EiB"] = ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "no length"),
        ["length of 2 GiB"] = ([0x80, 0x80, 0x80, 0x80, 0x08], "no length"),
        ["text"] = ("# HELP a b\n"u8.ToArray(), "metric family 1"),
        ["bad second family"] = ([.. Of(Family("a", MetricKind.Gauge, Gauge(1))), 1], "metric family 2: the body ends within it"),
        ["histogram damaged"] = (Raw(0x0a, 1, (byte)'a', 0x18, 4, 0x22, 4, 0x3a, 2, 0x4a, 9), "its histogram is damaged"),
        ["bucket damaged"] = (Raw(0x0a, 1, (byte)'a', 0x18, 4, 0x22, 6, 0x3a, 4, 0x1a, 2, 0x11, 1), "a bucket is damaged"),
        ["quantile damaged"] = (Raw(0x0a, 1, (byte)'a', 0x18, 2, 0x22, 6, 0x22, 4, 0x1a, 2, 0x11, 1), "a quantile is damaged"),
        ["summary damaged"] = (Raw(0x0a, 1, (byte)'a', 0x18, 2, 0x22, 4, 0x22, 2, 0x11, 1), "its summary is damaged"),
        ["exemplar damaged"] = (Raw(0x0a, 1, (byte)'a', 0x22, 6, 0x1a, 4, 0x12, 2, 0x11, 1), "an exemplar is damaged"),
        ["created damaged"] = (Raw(0x0a, 1, (byte)'a', 0x22, 6, 0x1a, 4, 0x1a, 2, 0x09, 1), "its created timestamp is damaged"),
        ["native: too few observations in buckets"] = (WithHistogram(h => h.SampleCount = 7), "do not add up"),
        ["native: too many observations in buckets"] = (WithHistogram(h => h.SampleCount = 5), "do not add up"),
        ["native: NaN and too many"] =
        (WithHistogram(h => (h.SampleSum, h.SampleCount) = (double.NaN, 5)), "more observations in its buckets than in all"),
        ["native: negative bucket"] = (WithHistogram(h => h.PositiveDelta[1] = -2), "a bucket with a negative count"),
        ["native: too many buckets"] = (WithHistogram(h => h.PositiveDelta.Add(0)), "another number of buckets than its runs say"),
        ["native: too few buckets"] = (WithHistogram(h => h.PositiveDelta.Clear()), "another number of buckets than its runs say"),
        ["native: runs overlap"] = (WithHistogram(h => h.PositiveSpan[1].Offset = -1), "a run of buckets before the one in front of it"),
        ["native: schema 53"] = (WithHistogram(h => h.Schema = 53), "the schema 53"),
        ["native: schema -10"] = (WithHistogram(h => h.Schema = -10), "the schema -10"),
        ["native: custom buckets"] = (WithHistogram(h => h.Schema = -53), "custom buckets, and protobuf has no bounds"),
        ["native: negative float count"] =
            (Of(Family("a", MetricKind.Histogram, Native(new() { SampleCountFloat = -1, ZeroCountFloat = 1, ZeroThreshold = 1 }))),
            "a negative count"),
    };

    /// <summary>All bodies, good and bad.</summary>
    internal static byte[][] Seeds => [.. GoodBodies.Values.Select(b => Of(b.Body)), .. BadBodies.Values.Select(b => b.Body)];

    public static TheoryData<string> Good => [.. GoodBodies.Keys];

    public static TheoryData<string> Bad => [.. BadBodies.Keys];

    [Theory, MemberData(nameof(Good))]
    public void Good_bodies_give_their_samples(string name) => Assert.Equal(GoodBodies[name].Expected, Read(Of(GoodBodies[name].Body)));

    [Theory, MemberData(nameof(Bad))]
    public void Bad_bodies_are_refused_with_their_cause(string name)
    {
        var last = ParsedText.ReadAtEverySplit(BadBodies[name].Body, BodyFormat.PrometheusProto)[^1];
        Assert.StartsWith("! ", last);
        Assert.Contains(BadBodies[name].Cause, last);
    }

    [Fact]
    public void Where_native_histograms_are_off_the_classic_form_is_read() => Assert.Equal(
        "a_count{} 6|a_sum{} 4.5|a_bucket{le=\"1.0\"} 3|a_bucket{le=\"+Inf\"} 6",
        Read(Of(Family("a", MetricKind.Histogram,
        Native(new(NativeHistogram()) { Bucket = { new Bucket { UpperBound = 1, CumulativeCount = 3 } } }))),
            BodyFormat.PrometheusProtoClassic));

    [Fact]
    public void Packed_and_unpacked_buckets_are_the_same()
    {
        // Histogram: positive_span (12) of two, positive_delta (13) packed, count 3 (two and one).
        byte[] histogram = [0x08, 3, 0x62, 4, 0x08, 0, 0x10, 2, 0x6a, 2, 4, 1];
        byte[] unpacked = [0x08, 3, 0x62, 4, 0x08, 0, 0x10, 2, 0x68, 4, 0x68, 1];
        foreach (var one in new[] { histogram, unpacked })
        {
            byte[] metric = [0x3a, (byte)one.Length, .. one];
            Assert.Equal("a{} [n=3 s=0 schema=0 zero=0(0) +0:2 2 -1 -]",
                Read(Raw([0x0a, 1, (byte)'a', 0x18, 4, 0x22, (byte)metric.Length, .. metric])));
        }
    }

    [Fact]
    public void Fields_may_come_in_any_order()
    {
        var gauge = Gauge(1, "b", "c").ToByteArray();
        Assert.Equal("a_s{b=\"c\"} 1|a_s{b=\"c\"} 1",
            Read(Raw([0x22, (byte)gauge.Length, .. gauge, 0x18, 1, 0x2a, 1, (byte)'s', 0x0a, 3, .. "a_s"u8, 0x22, (byte)gauge.Length,
            .. gauge])));
    }

    [Fact]
    public void Unknown_fields_are_passed_over() =>
        Assert.Equal("a{} 0", Read(Raw(0x0a, 1, (byte)'a', 0x18, 1, 0x38, 5, 0x3a, 1, 7, 0x39, 1, 2, 3, 4, 5, 6, 7, 8, 0x3d, 1, 2, 3, 4,
        0x22, 2, 0x40, 1)));

    [Fact]
    public void Families_larger_than_the_window_are_read_a_metric_at_a_time()
    {
        var family = new MetricFamily { Name = "a", Help = new string('h', 5000), Type = MetricKind.Gauge, Unit = "a" };
        family.Metric.Add(Enumerable.Range(0, 5000).Select(i => Gauge(i, "index", $"value of {i}")));
        var body = Of(family, Family("b", MetricKind.Gauge, Gauge(1, "c", new string('x', 3 * SampleReader.WindowSize))));
        Assert.True(body.Length > 4 * SampleReader.WindowSize);
        foreach (var chunk in new[] { 7, 1000, int.MaxValue })
        {
            var samples = ParsedText.Read(body, chunk, format: BodyFormat.PrometheusProto);
            Assert.Equal(5001, samples.Count);
            for (var i = 0; i < 5000; i++)
                Assert.Equal($"a{{index=\"value of {i}\"}} {i}", samples[i]);
        }
    }

    [Fact]
    public void A_large_family_must_say_its_name_before_its_metrics()
    {
        var metrics = new MetricFamily { Metric =
            { Enumerable.Range(0, 5000).Select(i => Gauge(i, "index", $"value of {i}")) } }.ToByteArray();
        Assert.Contains("the name is missing",
            ParsedText.Read(Delimited([.. metrics, 0x0a, 1, (byte)'a']), format: BodyFormat.PrometheusProto)[^1]);
        Assert.Contains("must have its name and type before",
            ParsedText.Read(Delimited([0x0a, 1, (byte)'a', .. metrics, 0x18, 1]), format: BodyFormat.PrometheusProto)[^1]);
        Assert.Equal(5000, ParsedText.Read(Delimited([0x0a, 1, (byte)'a', 0x18, 1, .. metrics, 0x18, 1, 0x0a, 1, (byte)'a']),
            format: BodyFormat.PrometheusProto).Count);
    }

    [Fact]
    public void A_metric_longer_than_the_bound_fails() => Assert.Equal(
        $"! metric family 1 (a): a metric is longer than {SampleReader.LongestLine} bytes",
        ParsedText.Read(Of(Family("a", MetricKind.Gauge, Gauge(1, "b", new string('x', SampleReader.LongestLine)))),
        format: BodyFormat.PrometheusProto)[^1]);

    [Fact]
    public void A_name_of_any_length_gets_its_suffixes()
    {
        var name = new string('n', 5000);
        Assert.Equal($"{name}_count{{}} 1|{name}_sum{{}} 2|{name}_bucket{{le=\"+Inf\"}} 1",
            string.Join('|', ParsedText.Read(Of(Family(name, MetricKind.Histogram, Classic(1, 2, []))),
            format: BodyFormat.PrometheusProto)));
    }

    [Fact]
    public void A_warm_pass_allocates_nothing_for_its_samples()
    {
        var families = Enumerable.Range(0, 50).Select(f => new MetricFamily
        {
            Name = $"family_{f}", Type = f % 2 == 0 ? MetricKind.Histogram : MetricKind.Counter,
            Metric = { Enumerable.Range(0, 50)
            .Select(i => f % 2 == 0 ? Classic(9, 1, [(1, 2), (2, 3)], "verb", "GET", "code", $"{i}") : Counter(i, "code", $"{i}")) },
        });
        var gzip = ParsedText.Gzip(Of([.. families]));
        using var reader = new SampleReader();
        long Allocated()
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            reader.Open(new MemoryStream(gzip), 0, BodyFormat.PrometheusProto);
            var samples = 0;
            while (reader.Read())
                samples++;
            Assert.Equal(25 * 50 * 6, samples);
            return GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Allocated();
        Assert.InRange(Allocated(), 0, 20_000);
    }

    private static byte[] Raw(params byte[] family) => Delimited(family);

    private static byte[] Delimited(byte[] family)
    {
        var output = new MemoryStream();
        using (var coded = new CodedOutputStream(output, leaveOpen: true))
            coded.WriteLength(family.Length);
        output.Write(family);
        return output.ToArray();
    }

    private static byte[] WithHistogram(Action<Histogram> change)
    {
        var histogram = NativeHistogram();
        change(histogram);
        return Of(Family("a", MetricKind.Histogram, Native(histogram)));
    }
}
