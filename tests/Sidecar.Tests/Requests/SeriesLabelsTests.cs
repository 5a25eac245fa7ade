using System.Text;
using CsCheck;
using Sidecar.Requests;

namespace Sidecar.Tests.Requests;

/// <summary>How labels become those of a series: scrape.go's mutateSampleLabels, then remote write's processExternalLabels.</summary>
public sealed class SeriesLabelsTests
{
    private readonly EncodedText text = new();

    [Theory]
    [InlineData("a{B=\"1\",b=\"2\",_=\"3\",A=\"4\",a=\"5\"} 1", "a{A=\"4\",B=\"1\",_=\"3\",a=\"5\",b=\"2\"}")]
    [InlineData("a{\"é\"=\"1\",\"z.y\"=\"2\",z=\"3\",za=\"4\"} 1", "a{z=\"3\",z.y=\"2\",za=\"4\",é=\"1\"}")]
    // by code unit it would be the other way round
    [InlineData("a{\"\U0001F600\"=\"1\",\"\uFFFD\"=\"2\"} 1", "a{\uFFFD=\"2\",\U0001F600=\"1\"}")]
    public void Labels_are_sorted_bytewise_by_name(string line, string expected) => Assert.Equal(expected, One(line));

    [Theory]
    [InlineData("a 1", "job=j", "a{job=\"j\"}")]
    [InlineData("a{job=\"s\"} 1", "job=j", "a{exported_job=\"s\",job=\"j\"}")]
    [InlineData("a{job=\"\"} 1", "job=j", "a{job=\"j\"}")]
    [InlineData("a{job=\"s\",exported_job=\"t\"} 1", "job=j", "a{exported_exported_job=\"s\",exported_job=\"t\",job=\"j\"}")]
    [InlineData("a{job=\"s\",exported_job=\"\"} 1", "job=j", "a{exported_job=\"s\",job=\"j\"}")]
    [InlineData("a{job=\"s\"} 1", "job=j,exported_job=k", "a{exported_exported_job=\"s\",exported_job=\"k\",job=\"j\"}")]
    // Two conflicts: the shorter name is renamed first.
    [InlineData("a{exported_job=\"t\",job=\"s\"} 1", "exported_job=k,job=j",
        "a{exported_exported_exported_job=\"t\",exported_exported_job=\"s\",exported_job=\"k\",job=\"j\"}")]
    [InlineData("a{instance=\"s\",job=\"t\"} 1", "instance=i,job=j",
        "a{exported_instance=\"s\",exported_job=\"t\",instance=\"i\",job=\"j\"}")]
    public void The_target_wins_and_the_scraped_label_becomes_exported(string line, string target, string expected) =>
        Assert.Equal(expected, One(line, target));

    [Theory]
    [InlineData("a{job=\"s\"} 1", "job=j", "", "a{job=\"s\"}")]
    [InlineData("a{job=\"\"} 1", "job=j", "", "a{}")]
    [InlineData("a 1", "job=j", "", "a{job=\"j\"}")]
    [InlineData("a{job=\"\"} 1", "job=j", "job=e", "a{job=\"e\"}")]
    public void Honor_labels_lets_the_scraped_one_win_also_when_empty(string line, string target, string external, string expected) =>
        Assert.Equal(expected, One(line, target, external, honor: true));

    [Theory]
    [InlineData("a 1", "", "cluster=c", "a{cluster=\"c\"}")]
    [InlineData("a{cluster=\"s\"} 1", "", "cluster=c", "a{cluster=\"s\"}")]
    [InlineData("a{cluster=\"\"} 1", "", "cluster=c", "a{cluster=\"c\"}")]
    [InlineData("a 1", "cluster=t", "cluster=c", "a{cluster=\"t\"}")]
    [InlineData("a{job=\"s\"} 1", "job=j", "exported_job=e", "a{exported_job=\"s\",job=\"j\"}")]
    [InlineData("a 1", "", "__name__=b", "a{}")]
    [InlineData("a 1", "", "cluster=", "a{}")]
    public void External_labels_fill_only_what_is_absent(string line, string target, string external, string expected) =>
        Assert.Equal(expected, One(line, target, external));

    [Theory]
    [InlineData("a{b=\"\"} 1", "a{}")]
    [InlineData("a{b=\"\",c=\"x\",d=\"\"} 1", "a{c=\"x\"}")]
    [InlineData("a{b=\"x\",b=\"\"} 1", "a{}")] // as Prometheus's label builder
    public void Empty_values_are_no_labels(string line, string expected) => Assert.Equal(expected, One(line));

    [Theory]
    [InlineData("a{b=\"x\",b=\"y\"} 1", "\"b\" occurs twice")]
    [InlineData("a{b=\"x\",b=\"x\"} 1", "\"b\" occurs twice")]
    [InlineData("a{__name__=\"b\"} 1", "\"__name__\" occurs twice")]
    [InlineData("{\"a\",\"é\"=\"x\",\"é\"=\"y\"} 1", "\"é\" occurs twice")]
    public void A_duplicate_label_name_fails_the_scrape(string line, string error)
    {
        Assert.Empty(text.Encode(line, EncodedText.Labels("job=j")));
        Assert.Contains(error, text.Error);
    }

    [Theory]
    [InlineData("a{__name__=\"\"} 1")]
    [InlineData("a{__name__=\"\",b=\"x\"} 1")]
    public void A_sample_without_a_name_fails_the_scrape(string line)
    {
        Assert.Empty(text.Encode(line, EncodedText.Labels("job=j", "__name__=e")));
        Assert.Contains("no name", text.Error);
    }

    [Fact]
    public void One_label_set_has_one_hash_and_every_other_another()
    {
        const string Same = "a{b=\"1\",c=\"2\",d=\"\"} 1\na{c=\"2\",b=\"1\"} 2\n{\"a\",\"c\"=\"2\",b=\"1\"} 3\n";
        const string Others = "a{b=\"12\",c=\"\"} 1\na{b=\"1\",c=\"2\",e=\"3\"} 1\na{b=\"2\",c=\"1\"} 1\na{b=\"1\"} 1\nab{b=\"1\",c=\"2\"} 1\n" +
            "a{bc=\"1\",c=\"2\"} 1\na{b=\"1c2\"} 1\na 1\n";
        text.Encode(Same + Others);
        Assert.Null(text.Error);
        Assert.Single(text.Hashes.Take(3).Distinct());
        Assert.Equal(9, text.Hashes.Distinct().Count());
        var first = text.Hashes[0];
        text.Encode(Same, EncodedText.Labels("job=j"));
        Assert.NotEqual(first, text.Hashes[0]);
    }

    /// <summary>Random labels against the rules in their plainest form.</summary>
    [Fact]
    public void Any_labels_become_what_prometheus_makes_of_them()
    {
        var name = Gen.OneOf("a", "job", "exported_job", "exported_exported_job", "exported_a", "B", "_", "é", "z.y", "le");
        var value = Gen.OneOf("", "x", "y", "é\n\"\\", "1");
        var scraped = Gen.Select(name, value).Array[0, 6];
        var own = Gen.Select(name, Gen.OneOf("t", "u")).Array[0, 4].Select(ls => ls.DistinctBy(l => l.Item1).ToArray());
        var line = Gen.Select(Gen.OneOf("m", "n o"), scraped, Gen.Int[0, 1000]);
        Gen.Select(line.Array[1, 20], own, own, Gen.Bool).Sample((lines, target, external, honor) =>
        {
            var labels = EncodedText.Labels(Join(target), Join(external), honor);
            // All lines that fail are left out of the body and tried alone.
            var good = lines.Where(l => Model(l.Item1, l.Item2, target, external, honor) is not null).ToList();
            var body = string.Concat(good.Select(l => EncodedText.Line(l.Item1, l.Item2, $"{l.Item3}")));
            var expected = good.Select(l => Model(l.Item1, l.Item2, target, external, honor)!).ToList();
            var sent = text.Read(body, labels);
            Assert.Null(text.Error);
            Assert.Equal(expected, sent.Select(s => s.Series));
            Assert.Equal(good.Select(l => (double)l.Item3), sent.Select(s => BitConverter.UInt64BitsToDouble(s.Bits)));
            for (var i = 0; i < good.Count; i++)
            {
                for (var j = 0; j < i; j++)
                    Assert.True((expected[i] == expected[j]) == (text.Hashes[i] == text.Hashes[j]), $"{expected[i]} and {expected[j]}");
            }
            foreach (var bad in lines.Except(good))
            {
                Assert.Empty(text.Encode(EncodedText.Line(bad.Item1, bad.Item2), labels));
                Assert.NotNull(text.Error);
            }
        }, iter: 500, threads: 1);
    }

    private static string Join((string Name, string Value)[] labels) => string.Join(',', labels.Select(l => $"{l.Name}={l.Value}"));

    /// <summary>Null: such a line fails.</summary>
    private static string? Model(
        string metric, (string Name, string Value)[] scraped, (string Name, string Value)[] target, (string Name, string Value)[] external,
        bool honor)
    {
        var empty = scraped.Where(l => l.Value == "").Select(l => l.Name).ToHashSet();
        var labels = new Dictionary<string, string> { ["__name__"] = metric };
        foreach (var (name, value) in scraped.Where(l => !empty.Contains(l.Name)))
        {
            if (!labels.TryAdd(name, value))
                return null;
        }
        if (honor)
        {
            foreach (var (name, value) in target.Where(t => scraped.All(s => s.Name != t.Name)))
                labels[name] = value;
        }
        else
        {
            var conflicts = target.Where(t => labels.ContainsKey(t.Name)).Select(t => (t.Name, Value: labels[t.Name])).ToList();
            foreach (var (name, value) in target)
                labels[name] = value;
            foreach (var (name, value) in conflicts.OrderBy(c => c.Name.Length))
            {
                var renamed = "exported_" + name;
                while (labels.ContainsKey(renamed))
                    renamed = "exported_" + renamed;
                labels[renamed] = value;
            }
        }
        foreach (var (name, value) in external)
            labels.TryAdd(name, value);
        var sorted = labels.Where(l => l.Key != "__name__")
            .OrderBy(l => Convert.ToHexString(Encoding.UTF8.GetBytes(l.Key)), StringComparer.Ordinal);
        return $"{metric}{{{string.Join(',', sorted.Select(l => $"{l.Key}=\"{l.Value}\""))}}}";
    }

    private string One(string line, string target = "", string external = "", bool honor = false)
    {
        var samples = text.Read(line, EncodedText.Labels(target, external, honor));
        Assert.Null(text.Error);
        return Assert.Single(samples).Series;
    }
}
