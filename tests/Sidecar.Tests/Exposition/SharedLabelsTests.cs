using System.Text;
using Sidecar.Exposition;
using Sidecar.Requests;
using Sidecar.Tests.Requests;

namespace Sidecar.Tests.Exposition;

/// <summary>What a line has in common with the line before it is not read again: it must say the same as when it stands alone.</summary>
public sealed class SharedLabelsTests
{
    private static readonly string[] Bodies =
    [
        "a{b=\"1\",c=\"2\",le=\"0.1\"} 1", "a{b=\"1\",c=\"2\",le=\"0.1\"} 2", "a{b=\"1\",c=\"2\",le=\"0.10\"} 3",
        "a{b=\"1\",c=\"2\",le=\"1\"} 4", "a{b=\"1\",c=\"2\",le=\"10\"} 5", "a{b=\"1\",c=\"2\",le=\"1e1\"} 5.5",
        "a{b=\"1\",c=\"2\",le=\"+Inf\"} 6 7", "a{b=\"1\",c=\"2\"} 8", "a{b=\"1\",c=\"3\"} 9 10", "a{b=\"1\",c=\"\"} 11",
        "a{b=\"\",c=\"2\"} 12", "a{b=\"1\"} 13", "a{b=\"1\",c=\"2\",} 14", "a{} 15", "a 16", "a{le=\"1\",b=\"1\",c=\"2\"} 17",
        "a{le=\"1\",b=\"1\",c=\"3\"} 18", "a{le=\"1.0\",b=\"1\",c=\"3\"} 18", "a{le=\"1.0\",b=\"2\",c=\"3\"} 19",
        "a{b=\"1\\\"\",c=\"2\"} 20", "a{b=\"1\\\"\",c=\"3\"} 21", "a{b=\"1\\\\\",c=\"2\"} 22", "a{b=\"1\",c=\"2\\n\"} 23",
        "a{b=\"1\",c=\"2\\n\"} 24", "a{b=\"1\",cc=\"2\"} 25", "a{b=\"1\",c=\"22\"} 26", "aa{b=\"1\",c=\"2\"} 27",
        "{\"a\",b=\"1\",c=\"2\"} 28", "{\"a b\",b=\"1\",c=\"2\"} 29", "{\"a b\",b=\"1\",c=\"3\"} 30", "a{\"b b\"=\"1\",c=\"2\"} 31",
        "a{\"b b\"=\"1\",c=\"3\"} 32", "a{b=\"1\",b=\"2\"} 33", "a{b=\"1\",quantile=\"1\"} 34",
        "a{b=\"1\",c=\"2\",d=\"3\",e=\"4\",f=\"5\"} 35", "a{b=\"1\",c=\"2\",d=\"4\",e=\"4\",f=\"5\"} 36",
        "a{b=\"9\",c=\"2\",d=\"4\",e=\"4\",f=\"6\"} 37", "a_sum{b=\"1\",c=\"2\"} 38", "b{b=\"1\",c=\"2\"} 39", "a{b=\"é\",c=\"2\"} 40",
        "a{b=\"é\",c=\"è\"} 41", "a{job=\"x\",b=\"1\"} 42", "a{job=\"x\",b=\"2\"} 43", "a{b=\"1\",c=\"2\"} -0", "a{b=\"1\",c=\"2\"} NaN",
    ];

    private static readonly string[] OfPrometheusText =
    [
        "a{b=\"1\" , c=\"2\" } 1", "a{b=\"1\" c=\"2\"} 2", "a{ b=\"1\",c=\"2\"} 3", "a {b=\"1\",c=\"2\"} 4", "a\t{b=\"1\",c=\"3\"}\t5",
        "a{b=\"1\",c=\"2\"}6", "a{b=\"1\n\",c=\"2\"} 7", "a{b=\"1\n\",c=\"3\"} 8", "  a{b=\"1\",c=\"2\"} 9",
        "a{b=\"1\",c=\"2\"}  10  11  ",
    ];

    private static readonly string[] OfOpenMetrics =
    [
        "a{b=\"1\",c=\"2\"} 1 # {d=\"1\"} 2", "a{b=\"1\",c=\"2\"} 1 # {d=\"\\\"\"} 2 3", "a{b=\"1\",c=\"3\"} 1 5 # {e=\"2\"} 2",
    ];

    /// <param name="isOpenMetrics">The format.</param>
    /// <param name="type">What the metric is said to be: le and quantile are rewritten by it.</param>
    [Theory]
    [InlineData(false, "histogram")]
    [InlineData(false, "summary")]
    [InlineData(false, "gauge")]
    [InlineData(true, "histogram")]
    [InlineData(true, "unknown")]
    public void A_line_says_the_same_whatever_stands_before_it(bool isOpenMetrics, string type)
    {
        var lines = Bodies.Concat(isOpenMetrics ? OfOpenMetrics : OfPrometheusText).ToArray();
        var head = $"# TYPE a {type}\n";
        var end = isOpenMetrics ? "# EOF\n" : "";
        var alone = lines.Select(l => Assert.Single(Read(head + l + "\n" + end, isOpenMetrics))).ToArray();
        for (var i = 0; i < lines.Length; i++)
        {
            for (var j = 0; j < lines.Length; j++)
            {
                // Three in a row: the last shares with one that shared itself.
                var text = $"{head}{lines[i]}\n{lines[j]}\n{lines[i]}\n{end}";
                Assert.Equal([alone[i], alone[j], alone[i]], Read(text, isOpenMetrics));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Series_are_sent_the_same_whatever_stands_before_them(int version)
    {
        var lines = Bodies.Where(l => !l.Contains("b=\"1\",b=", StringComparison.Ordinal)).Concat(OfPrometheusText).ToArray();
        var alone = lines.Select(l => Assert.Single(Send([l], version, _ => true))).ToArray();
        var random = new Random(7);
        for (var round = 0; round < 300; round++)
        {
            var picked = Enumerable.Range(0, 60).Select(_ => random.Next(lines.Length)).ToArray();
            var kept = picked.Select(_ => random.Next(4) > 0).ToArray();
            var expected = picked.Where((_, at) => kept[at]).Select(i => alone[i]);
            Assert.Equal(expected, Send([.. picked.Select(i => lines[i])], version, at => kept[at]));
        }
    }

    [Fact]
    public void Lines_that_differ_in_one_label_share_the_others()
    {
        using var reader = new SampleReader();
        const string Text =
            "a{b=\"1\",c=\"2\",d=\"3\"} 1\na{b=\"1\",c=\"2\",d=\"4\"} 1\na{b=\"1\",c=\"3\",d=\"4\"} 1\na{b=\"1\",c=\"3\",d=\"4\"} 1\nb 1\n";
        reader.Open(Scraping.ScrapeFixture.Body(Text).OpenRead(), 0);
        var shared = new List<int>();
        while (reader.Read())
            shared.Add(reader.Sample.Shared);
        Assert.Equal([0, 3, 2, 4, 0], shared);
    }

    /// <summary>Buckets of one histogram share the metric's labels, and nothing with those of the next one.</summary>
    [Fact]
    public void Buckets_of_one_metric_share_its_labels()
    {
        using var reader = new SampleReader();
        var body = ProtobufBody.Of(ProtobufBody.Family("h", Wire.MetricKind.Histogram,
            ProtobufBody.Classic(9, 1, [(1, 6), (2, 7)], "a", "b"), ProtobufBody.Classic(9, 1, [(1, 6), (2, 7)], "a", "c")));
        reader.Open(Scraping.ScrapeFixture.Body(body).OpenRead(), 0, BodyFormat.PrometheusProto);
        var (shared, gaps) = (new List<int>(), new List<long>());
        var last = 0L;
        while (reader.Read())
        {
            shared.Add(reader.Sample.Shared);
            gaps.Add(reader.Sample.Ordinal - last);
            last = reader.Sample.Ordinal;
        }
        Assert.Equal([0, 0, 0, 2, 2, 0, 0, 0, 2, 2], shared);
        Assert.NotEqual(1, gaps[5]); // what was begun for the metric itself stands between the two
    }

    private static List<string> Read(string text, bool isOpenMetrics)
    {
        using var reader = new SampleReader();
        reader.Open(Scraping.ScrapeFixture.Body(text).OpenRead(), 0,
            isOpenMetrics ? BodyFormat.OpenMetricsText100 : BodyFormat.PrometheusText100);
        var samples = new List<string>();
        while (reader.Read())
        {
            var sample = reader.Sample;
            var labels = Enumerable.Range(0, sample.Count)
                .Select(i => $"{Encoding.UTF8.GetString(sample.LabelName(i))}={Encoding.UTF8.GetString(sample.LabelValue(i))}");
            var names = Enumerable.Range(0, sample.Names.Count).Select(i => Encoding.UTF8.GetString(sample.Names[i]));
            var exemplars = sample.Exemplars.Take(sample.ExemplarCount).Select(e => $"{e.Count} {e.Value}");
            samples.Add($"{string.Join(';', labels)} ({string.Join(';', names)}) {sample.EmptyValues} "
                + $"{BitConverter.DoubleToInt64Bits(sample.Value)} {(sample.HasTimestamp ? sample.Timestamp : null)} "
                + $"[{string.Join(';', exemplars)}] {Encoding.UTF8.GetString(sample.Family.Name)}");
        }
        Assert.Equal((ReadError.None, ""), (reader.Error, reader.ErrorMessage));
        return samples;
    }

    private static List<SentSample> Send(string[] lines, int version, Func<int, bool> isKept)
    {
        using var reader = new SampleReader();
        var encoder = new SeriesEncoder(25, new ReceiverProtocol((WriteProtocol)version));
        encoder.Begin(EncodedText.Labels("instance=i,job=j", "z=zone"));
        reader.Open(Scraping.ScrapeFixture.Body("# TYPE a histogram\n" + string.Concat(lines.Select(l => l + "\n"))).OpenRead(), 0);
        var requests = new List<EncodedRequest>();
        for (var at = 0; reader.Read(); at++)
        {
            Assert.True(encoder.TryBegin(reader.Sample, out _), encoder.Error);
            if (!isKept(at))
                continue;
            encoder.Commit(reader.Sample, reader.Sample.HasTimestamp ? reader.Sample.Timestamp : 1);
            if (encoder.IsFull)
                requests.Add(encoder.Take()!);
        }
        Assert.Equal((ReadError.None, ""), (reader.Error, reader.ErrorMessage));
        if (encoder.Take() is { } last)
            requests.Add(last);
        return SentSample.Read(requests);
    }
}
