using CsCheck;
using Sidecar.Records;
using Sidecar.Relabeling;
using Sidecar.Requests;
using Sidecar.Tests.Scraping;
using Sidecar.Tests.Relabeling;

namespace Sidecar.Tests.Requests;

/// <summary>Metric and write relabeling from the scraped text to what a receiver reads.</summary>
public sealed class SeriesRelabelingTests
{
    private const string DropA = """{"source_labels":["__name__"],"regex":"a","action":"drop"}""";

    [Theory]
    // Metric relabeling: after conflicts and target labels.
    [InlineData(DropA, "[]", "a 1\nb 2\n", "b 2 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["__name__"],"regex":"a","action":"keep"}""", "[]", "a 1\nb 2\n", "a 1 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["exported_job"],"regex":"x","action":"drop"}""", "[]", "a{job=\"x\"} 1\na{job=\"y\"} 2\n",
        "a{exported_job=\"y\",L} 2 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["job","instance"],"regex":"j;h:1","target_label":"t","replacement":"yes"}""", "[]", "a 1\n",
        "a{L,t=\"yes\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"regex":"job|instance","action":"labeldrop"}""", "[]", "a{x=\"1\"} 1\n", "a{x=\"1\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"regex":"__name__|x","action":"labelkeep"}""", "[]", "a{x=\"1\",y=\"2\"} 1\n", "a{x=\"1\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"target_label":"__name__","replacement":"b"}""", "[]", "a{x=\"1\"} 1\n", "b{L,x=\"1\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["__name__"],"regex":"(.*)_total","target_label":"__name__"}""", "[]", "a_total 1\nb 2\n",
        "a 1 @1000|b 2 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["x"],"target_label":"A"}""", "[]", "a{x=\"1\"} 1\n", "a{A=\"1\",L,x=\"1\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["x"],"target_label":"zürich é"}""", "[]", "a{x=\"1\"} 1\n",
        "a{L,x=\"1\",zürich é=\"1\"} 1 @1000|up 1 @1000")]
    [InlineData("""{"regex":".*","action":"labeldrop"}""", "[]", "a 1\nb 2\n", "up 1 @1000")]
    // As in Prometheus, a label __tmp of metric relabeling is sent unless a rule drops it.
    [InlineData("""{"target_label":"__tmp","replacement":"t"}""", "[]", "a 1\n", "a{__tmp=\"t\",L} 1 @1000|up 1 @1000")]
    // Rules that change the name are seen by the rules behind them, and by write relabeling.
    [InlineData("""{"target_label":"__name__","replacement":"b"},{"source_labels":["__name__"],"regex":"b","action":"drop"}""",
        "[]", "a 1\n", "up 1 @1000")]
    [InlineData("""{"target_label":"__name__","replacement":"b"},{"source_labels":["__name__"],"regex":"a","action":"drop"}""",
        "[]", "a 1\n", "b 1 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["x"],"regex":"(.+)","target_label":"__name__"}""",
        """{"source_labels":["__name__"],"regex":"b","action":"drop"}""", "a{x=\"b\"} 1\na 2\n", "a 2 @1000|up 1 @1000")]
    [InlineData("""{"regex":"x","replacement":"__name__","action":"labelmap"}""", "[]", "a{x=\"b\"} 1\n",
        "b{L,x=\"b\"} 1 @1000|up 1 @1000")]
    // Two that become one: the first wins.
    [InlineData("""{"regex":"x","action":"labeldrop"}""", "[]", "a{x=\"1\"} 1\na{x=\"2\"} 2\n", "a 1 @1000|up 1 @1000")]
    [InlineData("[]", """{"regex":"x","action":"labeldrop"}""", "a{x=\"1\"} 1\na{x=\"2\"} 2\n", "a 1 @1000|up 1 @1000")]
    // Write relabeling: on all that is sent, report series included.
    [InlineData("[]", DropA, "a 1\nb 2\n", "b 2 @1000|up 1 @1000")]
    [InlineData("[]", """{"source_labels":["__name__"],"regex":"up","action":"drop"}""", "a 1\n", "a 1 @1000")]
    [InlineData("[]", """{"source_labels":["__name__"],"regex":"up|scrape_.*","action":"keep"}""", "a 1\n", "up 1 @1000")]
    [InlineData("[]", """{"source_labels":["job"],"target_label":"team"}""", "a 1\n", "a{L,team=\"j\"} 1 @1000|up{L,team=\"j\"} 1 @1000")]
    [InlineData("""{"source_labels":["__name__"],"regex":"up|scrape_.*","action":"drop"}""", "[]", "a 1\nup 5\n", "a 1 @1000|up 1 @1000")]
    [InlineData("""{"source_labels":["x"],"target_label":"y"}""", """{"source_labels":["y"],"regex":"1","action":"drop"}""",
        "a{x=\"1\"} 1\na{x=\"2\"} 2\n", "a{L,x=\"2\",y=\"2\"} 2 @1000|up 1 @1000")]
    [InlineData("[]", """{"regex":"__name__","action":"labeldrop"}""", "a 1\n", "")]
    public void What_is_sent(string metric, string write, string text, string sent)
    {
        using var fixture = Fixture(metric, write);
        Assert.Equal(sent, string.Join('|', Sent(fixture, text, 1000)));
    }

    [Theory]
    [InlineData("""{"source_labels":["cluster"],"regex":"prod","action":"drop"}""", "[]", "a{cluster=\"prod\"} 1 @1000")] // not there yet
    [InlineData("[]", """{"source_labels":["cluster"],"regex":"prod","action":"drop"}""", "")]
    [InlineData("[]", """{"regex":"cluster","action":"labeldrop"}""", "a 1 @1000")]
    [InlineData("""{"target_label":"cluster","replacement":"own"}""", "[]", "a{cluster=\"own\"} 1 @1000")]
    [InlineData("""{"source_labels":["a"],"target_label":"b","replacement":"x"}""",
        """{"source_labels":["cluster","b"],"target_label":"c"}""", "a{b=\"x\",c=\"prod;x\",cluster=\"prod\"} 1 @1000")]
    public void External_labels_come_between_metric_and_write_relabeling(string metric, string write, string sent)
    {
        using var fixture = new ScrapeFixture(budget: long.MaxValue, external: [("cluster", "prod")],
            rules: new(Rules.Parse(metric), Rules.Parse(write)));
        var lines = ScrapeFixture.Lines(fixture.Send(fixture.Scrape("a 1\n", 1000)));
        Assert.Equal(sent, string.Join('|', lines.Where(l => l.StartsWith('a'))));
    }

    [Fact]
    public void The_report_counts_what_metric_relabeling_leaves_and_what_write_relabeling_drops()
    {
        using var fixture = Fixture(DropA, """{"source_labels":["__name__"],"regex":"b","action":"drop"}""");
        var samples = fixture.Send(fixture.Scrape("a 1\nb 2\nc 3\n", 1000))
            .ToDictionary(s => s.Series.Split('{')[0], s => BitConverter.UInt64BitsToDouble(s.Bits));
        Assert.Equal(["c", "scrape_duration_seconds", "scrape_samples_post_metric_relabeling", "scrape_samples_scraped",
            "scrape_series_added", "up"], samples.Keys.Order());
        Assert.Equal(3, samples["scrape_samples_scraped"]);
        Assert.Equal(2, samples["scrape_samples_post_metric_relabeling"]);
        Assert.Equal(2, samples["scrape_series_added"]);
    }

    [Fact]
    public void Metric_relabeling_that_takes_the_name_fails_the_scrape()
    {
        using var fixture = Fixture("""{"regex":"__name__","action":"labeldrop"}""", "[]");
        Assert.Equal(["up 0 @1000"], Sent(fixture, "a{x=\"1\"} 1\n", 1000));
        Assert.Contains("metric relabeling leaves the series without a name", fixture.Outcome.Failure.Message);
    }

    [Theory]
    [InlineData("b", "a 1\n", "a 1 @1000|up 1 @1000")]
    [InlineData("b(.?)", "a{b=\"\"} 1\n", "a 1 @1000|up 1 @1000")]
    [InlineData("b(.?)", "a 1\na{bc=\"1\"} 1\n", "a 1 @1000|a{bc=\"1\",c=\"1\",L} 1 @1000|up 1 @1000")]
    [InlineData("b(.?)", "a 1\na{b=\"1\"} 1\n", "up 0 @1000")]
    public void Metric_relabeling_that_maps_a_label_to_no_name_fails_the_scrape(string regex, string text, string sent)
    {
        using var fixture = Fixture($$"""{"regex":"{{regex}}","action":"labelmap"}""", "[]");
        Assert.Equal(sent, string.Join('|', Sent(fixture, text, 1000)));
        var failure = fixture.Outcome.Failure.Message ?? "";
        Assert.Equal(sent.StartsWith("up 0", StringComparison.Ordinal), failure.Contains("to an empty name", StringComparison.Ordinal));
    }

    /// <summary>Nobody takes a label without a name; what is sent is the series without it.</summary>
    [Fact]
    public void Write_relabeling_maps_nothing_to_no_name()
    {
        using var fixture = Fixture("[]", """{"regex":"b(.?)","action":"labelmap"}""");
        Assert.Equal("a{b=\"1\",L} 1 @1000|up 1 @1000", string.Join('|', Sent(fixture, "a{b=\"1\"} 1\n", 1000)));
    }

    [Theory]
    [InlineData("""{"regex":"x","action":"labeldrop"}""", "[]", null)]
    [InlineData(DropA, "[]", null)]
    [InlineData("""{"target_label":"y","replacement":"1"}""", "[]", "the series has 5 labels")]
    [InlineData("""{"source_labels":["x"],"regex":"2","action":"drop"}""", "[]", "the series has 4 labels")]
    [InlineData("[]", """{"regex":"x","action":"labeldrop"}""", "the series has 4 labels")]
    public void Label_limits_are_of_what_metric_relabeling_leaves(string metric, string write, string? failure)
    {
        using var fixture = new ScrapeFixture(
            budget: long.MaxValue, rules: new(Rules.Parse(metric), Rules.Parse(write)), labelLimits: new LabelLimits(3, 0, 0),
            external: [("cluster", "c")]);
        fixture.Scrape("a{x=\"1\"} 1\n", 1000).Release();
        Assert.Contains(failure ?? "", fixture.Outcome.Failure.Message ?? "");
        Assert.Equal(failure is null, fixture.Outcome.Failure.IsNone);
    }

    [Fact]
    public void A_series_that_is_dropped_may_be_wrong_otherwise()
    {
        using var fixture = Fixture(DropA, "[]");
        Assert.Equal(["b 2 @1000", "up 1 @1000"], Sent(fixture, "a{x=\"1\",x=\"2\"} 1\nb 2\n", 1000));
    }

    [Fact]
    public void Duplicates_after_relabeling_are_counted()
    {
        using var fixture = Fixture("""{"regex":"x","action":"labeldrop"}""", "[]");
        Sent(fixture, "a{x=\"1\"} 1\na{x=\"2\"} 2\n", 1000);
        Assert.Equal(1, fixture.Outcome.Duplicates);
        Assert.Equal(1, fixture.Outcome.Added);
    }

    [Fact]
    public void Markers_go_to_what_was_sent_and_to_nothing_else()
    {
        using var fixture = Fixture("""{"source_labels":["x"],"target_label":"y"}""", DropA);
        Assert.Equal(["b{L,x=\"1\",y=\"1\"} 2 @1000", "c 3 @1000", "up 1 @1000"], Sent(fixture, "a 1\nb{x=\"1\"} 2\nc 3\n", 1000));
        Assert.Equal(["c 3 @2000", "b{L,x=\"1\",y=\"1\"} stale @2000", "up 1 @2000"], Sent(fixture, "c 3\n", 2000));
        Assert.Equal(["c stale @3000", "up 0 @3000"], Sent(fixture, null, 3000));
        Assert.Equal(["c 3 @4000", "up 1 @4000"], Sent(fixture, "a 1\nc 3\n", 4000));
    }

    [Fact]
    public void A_vanished_series_whose_name_is_relabeled_away_gets_no_marker_while_another_is_the_same()
    {
        using var fixture = Fixture("""{"regex":"pod","action":"labeldrop"}""", "[]");
        Sent(fixture, "a{pod=\"1\"} 1\na{pod=\"2\"} 1\n", 1000);
        Assert.Equal(["a 2 @2000", "up 1 @2000"], Sent(fixture, "a{pod=\"2\"} 2\n", 2000));
    }

    /// <summary>The validating pass, streaming all of it again, and any mixture of both by the budget give the same series.</summary>
    [Fact]
    [Trait("Speed", "Slow")]
    public void All_passes_agree()
    {
        string[] metric =
        [
            DropA, """{"source_labels":["x"],"regex":"1|2","action":"drop"}""",
            """{"source_labels":["__name__","x"],"regex":"b;(.*)","target_label":"y","replacement":"v$1"}""",
            """{"regex":"x","action":"labeldrop"}""",
            """{"source_labels":["x"],"regex":"(3)","target_label":"__name__","replacement":"n$1"}""",
            """{"source_labels":["__name__"],"target_label":"z","action":"hashmod","modulus":3}""",
            """{"regex":"(.)","replacement":"m_$1","action":"labelmap"}""",
            """{"source_labels":["x"],"target_label":"y","action":"keepequal"}""",
            """{"source_labels":["instance"],"regex":"(.*):1","target_label":"host"}""",
            """{"source_labels":["__name__","job"],"target_label":"w"}""", """{"target_label":"y"}""",
            """{"regex":"job","replacement":"__tmp","action":"labelmap"}""",
            """{"source_labels":["job"],"target_label":"__name__","regex":"(x)"}""",
            """{"source_labels":["__tmp"],"target_label":"v","action":"uppercase"}""",
        ];
        string[] write = ["""{"source_labels":["__name__"],"regex":"b|n3","action":"drop"}""",
            """{"source_labels":["x"],"regex":"4","action":"drop"}""", """{"regex":"job","action":"labeldrop"}"""];
        var text = Gen.Select(Gen.Char['a', 'e'], Gen.Int[0, 5], Gen.Int[0, 2], (name, x, y) =>
            x == 0 ? $"{name} 1\n" : y == 0 ? $"{name}{{x=\"{x}\"}} 2\n" : $"{name}{{y=\"{y}\",x=\"{x}\"}} 3\n")
            .Array[0, 30].Select(string.Concat);
        Gen.Select(Gen.Shuffle(metric, 0, 4), Gen.Shuffle(write, 0, 2), Gen.Long[0, 2000], text.Array[1, 4])
            .Sample((metricRules, writeRules, budget, bodies) =>
        {
            var rules = new SeriesRules(Rules.Parse($"[{string.Join(',', metricRules)}]"),
                Rules.Parse($"[{string.Join(',', writeRules)}]"));
            using var held = new ScrapeFixture(budget: long.MaxValue, samplesPerRequest: 3, rules: rules);
            using var streamed = new ScrapeFixture(budget: 0, samplesPerRequest: 3, rules: rules);
            using var mixed = new ScrapeFixture(budget: budget, samplesPerRequest: 3, rules: rules);
            for (var i = 0; i < bodies.Length; i++)
            {
                var expected = held.Send(held.Scrape(bodies[i], 1000 * (i + 1)));
                Assert.Equal(expected, streamed.Send(streamed.Scrape(bodies[i], 1000 * (i + 1))));
                Assert.Equal(expected, mixed.Send(mixed.Scrape(bodies[i], 1000 * (i + 1))));
                AssertAsOneByOne(rules, bodies[i], i + 1, expected);
            }
        }, iter: 300);
    }

    /// <summary>What is decided once for a name or a plan is what the rules say of each series by itself.</summary>
    private static void AssertAsOneByOne(SeriesRules rules, string body, int scrape, List<SentSample> sent)
    {
        var expected = new List<string>();
        foreach (var line in body.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var name = line[..1];
            var scraped = line.Contains('{') ? line[(line.IndexOf('{') + 1)..line.IndexOf('}')].Replace("\"", "").Replace(',', ' ') : "";
            // Sorted, as Prometheus's base of the builder is.
            var labels = string.Join(' ', $"__name__={name} instance=h:1 job=j {scraped}".Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .Order(StringComparer.Ordinal));
            var result = Rules.Apply(rules.Metric, labels);
            if (result is not ("dropped" or ""))
                result = Rules.Apply(rules.Write, result);
            if (result is not ("dropped" or "") && !expected.Contains(result))
                expected.Add(result);
        }
        var got = sent.Where(s => s.Bits != SentSample.Stale && s.Timestamp == 1000 * scrape).Select(s => s.Series)
            .Where(s => !s.StartsWith("up", StringComparison.Ordinal) && !s.StartsWith("scrape_", StringComparison.Ordinal))
            .Select(s => string.Join(' ', $"__name__={s[..s.IndexOf('{')]},{s[(s.IndexOf('{') + 1)..^1].Replace("\"", "")}".Split(',',
            StringSplitOptions.RemoveEmptyEntries)
                .Order(StringComparer.Ordinal)));
        Assert.Equal(expected.Order(), got.Order());
    }

    [Fact]
    public void Targets_of_other_labels_and_rules_do_not_share_decisions()
    {
        var context = new PassContext(100);
        var rules = new SeriesRules(Rules.Parse("""{"source_labels":["zone"],"regex":"","action":"drop"}"""), RelabelRules.None);
        foreach (var (target, isDropped) in new[] { ("a=1", true), ("zone=z", false), ("a=1", true), ("zone=y", false) })
        {
            var (name, value) = (target[..target.IndexOf('=')], target[(target.IndexOf('=') + 1)..]);
            context.Encoder.Begin(new TargetLabels([KeyValuePair.Create(name, value)], [], false, rules));
            context.Reader.Open(ScrapeFixture.Body("m 1\n").OpenRead(), 0);
            Assert.True(context.Reader.Read());
            Assert.Equal(isDropped ? SeriesOutcome.Dropped : SeriesOutcome.Sent, context.Encoder.Begin(context.Reader.Sample, out _));
        }
        context.Encoder.Begin(new TargetLabels([KeyValuePair.Create("a", "1")], [], false));
        Assert.Equal(SeriesOutcome.Sent, context.Encoder.Begin(context.Reader.Sample, out _));
    }

    /// <summary>Rules that read labels of the target are folded into plans, and each target has its own values.</summary>
    [Theory]
    [InlineData("""{"source_labels":["instance"],"regex":"(.+):\\d+","target_label":"host"}""", "m{host=\"H\",L} 1")]
    [InlineData("""{"regex":"instance","replacement":"node","action":"labelmap"}""", "m{L,node=\"H:1\"} 1")]
    [InlineData("""{"source_labels":["instance"],"regex":"a:1","action":"keep"}""", null)]
    [InlineData("""{"source_labels":["instance"],"target_label":"instance","action":"uppercase"}""", "m{instance=\"U:1\"} 1")]
    public void Each_target_has_its_own_values(string rule, string? expected)
    {
        var context = new PassContext(100);
        var rules = new SeriesRules(Rules.Parse(rule), RelabelRules.None);
        foreach (var host in new[] { "a", "b", "a" })
        {
            context.Encoder.Begin(new TargetLabels([KeyValuePair.Create("instance", $"{host}:1")], [], false, rules));
            context.Reader.Open(ScrapeFixture.Body("m 1\n").OpenRead(), 0);
            Assert.True(context.Reader.Read());
            if (context.Encoder.TryBegin(context.Reader.Sample, out _))
                context.Encoder.Commit(1, 1000);
            var sent = context.Encoder.Take() is { } request ? string.Join('|', SentSample.Read([request])) : null;
            var wanted = expected?.Replace("L", $"instance=\"{host}:1\"").Replace("H", host).Replace("U", host.ToUpperInvariant());
            Assert.Equal(expected is null ? (host == "a" ? "m{instance=\"a:1\"} 1 @1000" : null) : $"{wanted} @1000", sent);
        }
    }

    private static ScrapeFixture Fixture(string metric, string write) =>
        new(budget: long.MaxValue, rules: new SeriesRules(Rules.Parse(metric), Rules.Parse(write)));

    /// <summary>Lines without the target's labels, or with L for them.</summary>
    private static List<string> Sent(ScrapeFixture fixture, string? text, long timestamp)
    {
        var samples = fixture.Send(fixture.Scrape(text, timestamp));
        return
        [
            .. samples.Where(s => !s.Series.StartsWith("scrape_", StringComparison.Ordinal))
                .Select(s => s.ToString().Replace(ScrapeFixture.Labels, "L").Replace("{L}", "")),
        ];
    }
}
