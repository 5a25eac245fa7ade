using System.Globalization;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// The same bodies through the installed Prometheus in agent mode and through the sidecar: what arrives must be the same series, values,
/// markers and explicit timestamps, scrape by scrape. Debian's Prometheus is 2.42; where Prometheus 3 differs from it, the case says so
/// and tells what each of the two must send.
/// </summary>
public sealed class PrometheusComparisonTests(PublishedBinary binary)
{
    private const string OpenMetrics = CaseAnswer.OpenMetrics;

    /// <summary>Ahead of all scrapes of a test and less than ten minutes: 2.42 does not send what is older than its own start.</summary>
    private static readonly long Ahead = (DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() / 1000 * 1000) + 300_000;

    /// <param name="Name">In failure messages.</param>
    /// <param name="Answers">Of one scrape after another.</param>
    /// <param name="Known">Where the two differ on purpose.</param>
    private sealed record Case(string Name, CaseAnswer[] Answers, params Difference[] Known);

    /// <summary>
    /// A scrape, counted from 1, of which the two send different things: why, the lines that only 2.42 sends, and those that only the
    /// sidecar does.
    /// </summary>
    private sealed record Difference(int Scrape, string Why, string[] Prometheus242, string[] Sidecar);

    private static readonly Case[] Cases =
    [
        // Text
        Text("plain samples", "a 1\nb{c=\"d\"} 2.5\ne{f=\"g\",h=\"i\"} -3e-5\n"),
        Text("all of nothing", ""),
        Text("comments only", "# a\n#\n# HELP a b\n# TYPE a counter\n\n"),
        Text("blanks and tabs", "a\t1 \nb { c = \"d\" , e = \"f\" }\t2\t\n"),
        Text("trailing comma", "a{b=\"c\",} 1\n"),
        Text("trailing comma and a blank", "a{b=\"c\", } 1\n"),
        Text("no end of the last line", "a 1\nb 2"),
        Text("missing commas", "a{b=\"c\"d=\"e\" f=\"g\"} 1\n"),
        Text("special values", "a NaN\nb +Inf\nc -Inf\nd 1e-400\nf 0.1\ng 12345678901234567890\nh .5\ni 5.\nj inf\n"),
        Text("escapes", "a{b=\"x\\\\y\\\"z\\nn\\tt\"} 1\n"),
        Text("line break in a value", "a{b=\"x\ny\"} 1\nb 2\n"),
        Text("any UTF-8 in values", "a{b=\"ünïcode 日本\"} 1\n"),
        Text("empty values are no labels", "a{b=\"\"} 1\nc{d=\"\",e=\"f\"} 2\n"),
        Text("colons and underscores", ":a 1\n_b{_c=\"d\"} 2\na:b:c 3\n"),
        Text("types without le", "# TYPE a counter\na 1\n# TYPE b gauge\nb{le=\"1\"} 2\n# TYPE c untyped\nc 3\n"),
        Text("canonical le and quantile",
        "# TYPE a histogram\na_bucket{le=\"0.5\"} 1\na_bucket{le=\"+Inf\"} 2\na_sum 3\na_count 2\n# TYPE b summary\nb{quantile=\"0.99\"} 4\n"),
        Text("labels that conflict", "a{job=\"x\"} 1\nb{instance=\"y\",job=\"z\"} 2\nc{exported_job=\"p\",job=\"q\"} 3\nd{job=\"\"} 4\n"),
        Text("scraped report names", "up 5\nscrape_duration_seconds{x=\"y\"} 6\nup{x=\"y\"} 7\n"),
        Text("name as a label", "a{__name__=\"\"} 1\n"),
        Text("labels in any order", "a{z=\"1\",b=\"2\",A=\"3\"} 1\n"),
        Text("many labels", "a{" + string.Join(',', Enumerable.Range(0, 100).Select(i => $"l{i}=\"{i}\"")) + "} 1\n"),
        Text("long value", "a{b=\"" + new string('x', 100_000) + "\"} 1\n"),
        Text("ten thousand samples", string.Concat(Enumerable.Range(0, 10_000).Select(i => $"a{{b=\"{i}\"}} {i}\n"))),
        // Failing text: up 0 and nothing else
        .. new[]
        {
            "a", "a b\n", "a 1 b\n", "a 1 1.5\n", "a 1 -1\n", "a{b=\"c} 1\n", "a{b=c} 1\n", "a{b} 1\n", "{} 1\n", "9a 1\n", "a.b 1\n",
                "a 1\r\n", "a 0x10\n",
            "a 1_000\n", "a 1e400\n", "a{,} 1\n", "a{b=\"c\",,} 1\n", "# TYPE a unknown\n", "# TYPE a\n", "# TYPE\n# TYPE 1 counter\n",
            "a{b=\"1\",b=\"2\"} 1\n",
            "a 1 9223372036854775808\n", "a{b=\"\\\n\"} 1\n", "good 1\nbad\n",
        }.Select((body, i) => Text($"bad text {i}: {body.ReplaceLineEndings("⏎")}", body)),
        // OpenMetrics
        Om("samples", "a 1\nb{c=\"d\"} 2.5\n# EOF\n"),
        Om("nothing", "# EOF\n"),
        Om("no end of the last line", "a 1\n# EOF"),
        Om("all types", "# TYPE a counter\n# HELP a text\na_total 1\n# TYPE b gauge\nb 2\n# TYPE c info\nc_info{v=\"1\"} 1\n# TYPE d stateset\nd{d=\"x\"} 0\n"
            + "# TYPE e gaugehistogram\ne_bucket{le=\"1\"} 1\ne_gcount 1\ne_gsum 2\n# TYPE f unknown\nf 3\n# TYPE g_seconds gauge\n# UNIT g_seconds seconds\ng_seconds 4\n# EOF\n"),
        Om("created is a series", "# TYPE a counter\na_total 1\na_created 1520430000.123\n# EOF\n"),
        Om("exemplars are not in the way", "a_total 1 # {b=\"c\"} 0.5\nd_total 2 # {b=\"c\",d=\"e\"} 0.5 1.5\n# EOF\n"),
        Om("escapes", "a{b=\"x\\\\y\\\"z\\nn\\tt\"} 1\n# EOF\n"),
        Om("metadata that does not fit", "# TYPE a counter\nb 1\n# TYPE a counter\na 2\n# EOF\n"),
        .. new[]
        {
            "a 1\n", "a 1\n\n# EOF\n", "# EOF\n\n", "# EOF\na 1\n", "# comment\na 1\n# EOF\n", " a 1\n# EOF\n", "a  1\n# EOF\n",
                "a\t1\n# EOF\n", "a 1 \n# EOF\n",
            "a{b=\"c\", d=\"e\"} 1\n# EOF\n", "a {} 1\n# EOF\n", "a{b=\"c\"d=\"e\"} 1\n# EOF\n", "# TYPE a untyped\n# EOF\n",
            "# TYPE a\n# EOF\n", "# UNIT a_b c\n# EOF\n",
            "# UNIT seconds seconds\n# EOF\n", "a 1 NaN\n# EOF\n", "a 1 b\n# EOF\n", "a 1 # {b=c} 1\n# EOF\n", "a 1 # {b=\"c\"}\n# EOF\n",
            "a 1 #{} 1\n# EOF\n",
            "a{b=\"c\nd\"} 1\n# EOF\n", "good 1\nbad\n# EOF\n",
        }.Select((body, i) => Om($"bad {i}: {body.ReplaceLineEndings("⏎")}", body)),
        // From scrape to scrape
        Text("a series vanishes and comes back", "a 1\nb 2\n", "a 3\n", "a 4\n", "a 5\nb 6\n"),
        Text("all vanish", "a 1\nb 2\n", "# nothing\n", "a 3\n"),
        Text("an empty answer", "a 1\nb 2\n", "", "", "a 3\nb 4\nc 5\n", "a 1\n"),
        new("failures in between", [new("a 1\nb 2\n"), new("down", Status: 500), new("down", Status: 404), new("a 3\nb 4\nc 5\n"),
        new("a 1\n")]),
        Text("a label changes", "a{b=\"1\"} 1\n", "a{b=\"2\"} 1\n"),
        new("formats change", [new("a 1\nb 2\n"), new("a 3\n# EOF\n", OpenMetrics), new("a 4\nb 5\n# EOF\n", OpenMetrics), new("b 6\n")]),
        // Explicit timestamps
        Text("explicit timestamps", $"a 1 {Ahead}\nb 2\n", $"a 3 {Ahead + 1000}\nb 4\n", "b 5\n", "b 6\n"),
        Text("an explicit timestamp that stays", $"a 1 {Ahead}\n", $"a 1 {Ahead}\n", $"a 1 {Ahead + 1}\n", "# nothing\n"),
        Text("an explicit timestamp that goes back", $"a 1 {Ahead + 5000}\n", $"a 2 {Ahead}\n", $"a 3 {Ahead + 6000}\n"),
        Text("too far ahead", $"a 1 {Ahead + 900_000}\nb 2\n"),
        Om("explicit timestamps in seconds", $"a 1 {Seconds(Ahead)}.1239\nb_total 2 {Seconds(Ahead)}.5 # {{c=\"d\"}} 1\n# EOF\n"),
        // What Prometheus 3 does otherwise than 2.42, and the sidecar with it
        Text("quoted names", "{\"a.b\",\"c d\"=\"e\"} 1\nf 2\n") with
        {
            Known = [Fails(1, "2.42 knows no UTF-8 names", bySidecar: false, 0, "a.b{c d=e} 1", "f 2")],
        },
        Text("le and quantile", "# TYPE a histogram\na_bucket{le=\"1\"} 1\n# TYPE b summary\nb{quantile=\"0.50\"} 2\n") with
        {
            Known = [new(1, "2.42 leaves le and quantile as they are", ["a_bucket{le=1} 1", "b{quantile=0.50} 2"],
                ["a_bucket{le=1.0} 1", "b{quantile=0.5} 2"])],
        },
        new("no content type", [new("a 1\n", ContentType: null)],
        Fails(1, "2.42 takes any content type for text", bySidecar: true, 0, "a 1")),
        new("unknown content type", [new("a 1\n", "text/html")],
        Fails(1, "2.42 takes any content type for text", bySidecar: true, 0, "a 1")),
        Om("empty body", "") with { Known = [new(1, "2.42 misses # EOF in an empty answer", ["up 0"], ["up 1"])] },
        Om("trailing comma", "a{b=\"c\",} 1\n# EOF\n") with { Known =
        [Fails(1, "2.42 takes no comma behind the last label", bySidecar: false, 0, "a{b=c} 1")] },
        Om("exemplar of a gauge", "# TYPE a gauge\na 1 # {b=\"c\"} 1\n# EOF\n") with
        {
            Known = [Fails(1, "2.42 takes exemplars of _total and _bucket only", bySidecar: false, 0, "a 1")],
        },
        Text("series that are written in another way", "a{b=\"1\",c=\"\"} 1\n", "a{b=\"1\"} 2\n", "a{c=\"\",b=\"1\"} 3\n") with
        {
            Known =
            [
                new(2, "2.42 tells series by their text", ["a{b=1} stale", "scrape_series_added 1"], ["scrape_series_added 0"]),
                new(3, "2.42 tells series by their text", ["a{b=1} stale", "scrape_series_added 1"], ["scrape_series_added 0"]),
            ],
        },
        // What the sidecar does better than either
        Text("leading blanks", " \ta 1\n") with
        {
            Known =
            [
                new(1, "Prometheus takes leading blanks for a part of the name, which 2.42 refuses then",
                    ["up 0", "scrape_samples_post_metric_relabeling 0", "scrape_series_added 0"],
                    ["a 1", "up 1", "scrape_samples_post_metric_relabeling 1", "scrape_series_added 1"]),
            ],
        },
        Text("parse errors in between", "a 1\nb 2\n", "a 3\nc 4\nbroken", "c 5\nbroken", "a 6\n") with
        {
            Known =
            [
                new(2, "Prometheus marks a series that a failed scrape showed before it broke only a scrape later", [], ["a stale"]),
                new(3, "Prometheus marks a series that a failed scrape showed before it broke only a scrape later", ["a stale"], []),
            ],
        },
        new("half an answer of OpenMetrics",
        [new("a 1\n# EOF\n", OpenMetrics), new("a 2\n", OpenMetrics), new("a 3\n# EOF\n", OpenMetrics)],
            new Difference(2, "Prometheus marks a series that a failed scrape showed before it broke only a scrape later",
            [], ["a stale"])),
        Text("minus zero", "a -0\n") with { Known = [new(1, "Prometheus's encoder takes minus zero for nothing", ["a 0"], ["a -0"])] },
    ];

    [Theory]
    [InlineData("")]
    [InlineData("honor_labels: true")]
    [InlineData("honor_timestamps: false")]
    public async Task What_arrives_is_what_prometheus_sends(string option)
    {
        await using var server = await CaseServer.StartAsync([.. Cases.Select(c => c.Answers)]);
        await using var theirs = new Receiver();
        await using var ours = new Receiver();
        await theirs.StartAsync();
        await ours.StartAsync();
        var addresses = Cases.Select((_, i) => server.Address(i)).ToArray();
        await using var prometheus = await RealServer.PrometheusAgentAsync(addresses, theirs.WriteUrl, option);
        var environment = new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = string.Join(',', addresses),
            ["SIDECAR_SCHEME"] = "http",
            ["SIDECAR_JOB_NAME"] = "j",
            ["SIDECAR_SCRAPE_INTERVAL"] = "1s",
            ["SIDECAR_LISTEN_ADDRESS"] = "",
            ["SIDECAR_REMOTE_WRITE_URL"] = ours.WriteUrl.ToString(),
        };
        if (option.Length > 0)
            environment["SIDECAR_" + option.Split(": ")[0].ToUpperInvariant()] = option.Split(": ")[1];
        await using var sidecar = SidecarProcess.Start(binary, environment);
        foreach (var receiver in new[] { theirs, ours })
        {
            await Eventually.TrueAsync(
                () => Cases.Select((c, i) => Ups(receiver, addresses[i]).Count > c.Answers.Length).All(enough => enough),
                () => $"not all scrapes arrived; missing: {string.Join("; ", Cases.Where((c, i) => Ups(receiver, addresses[i]).Count <= c.Answers.Length).Select(c => c.Name))}");
        }

        var failures = new List<string>();
        var (byPrometheus, bySidecar) = (ByInstance(theirs), ByInstance(ours));
        for (var i = 0; i < Cases.Length; i++)
        {
            var one = Cases[i];
            for (var scrape = 0; scrape < one.Answers.Length; scrape++)
            {
                var expected = Scrape(byPrometheus, theirs, addresses[i], scrape);
                var found = Scrape(bySidecar, ours, addresses[i], scrape);
                string[] expectedOnly = [.. expected.Except(found)];
                string[] foundOnly = [.. found.Except(expected)];
                var known = one.Known.SingleOrDefault(d => d.Scrape == scrape + 1) ?? new Difference(0, "", [], []);
                if (!known.Prometheus242.Order().SequenceEqual(expectedOnly.Order())
                    || !known.Sidecar.Order().SequenceEqual(foundOnly.Order()))
                {
                    failures.Add($"{one.Name}, scrape {scrape + 1}{(known.Scrape > 0 ? $" ({known.Why})" : "")}:\n  only Prometheus: {string.Join(" | ", expectedOnly.Take(10))}\n"
                        + $"  only the sidecar: {string.Join(" | ", foundOnly.Take(10))}");
                }
            }
        }
        Assert.True(failures.Count == 0, string.Join('\n', failures));
        Assert.Empty(ours.Violations);
        Assert.Equal(0, await sidecar.StopAsync());
    }

    private static Case Text(string name, params string[] bodies) => new(name, [.. bodies.Select(b => new CaseAnswer(b))]);

    private static Case Om(string name, params string[] bodies) =>
        new("OpenMetrics: " + name, [.. bodies.Select(b => new CaseAnswer(b, OpenMetrics))]);

    /// <summary>One of the two fails where the other finds these samples.</summary>
    /// <param name="scraped">Samples that the failing one got through before it failed.</param>
    private static Difference Fails(int scrape, string why, bool bySidecar, int scraped, params string[] samples)
    {
        string[] failure = ["up 0", $"scrape_samples_scraped {scraped}", $"scrape_samples_post_metric_relabeling {scraped}",
            $"scrape_series_added {scraped}"];
        string[] success = [.. samples, "up 1", $"scrape_samples_scraped {samples.Length}",
            $"scrape_samples_post_metric_relabeling {samples.Length}",
            $"scrape_series_added {samples.Length}"];
        return bySidecar ? new(scrape, why, success, failure) : new(scrape, why, failure, success);
    }

    private static string Seconds(long milliseconds) => (milliseconds / 1000).ToString(CultureInfo.InvariantCulture);

    /// <summary>The timestamps of a target's scrapes: each has one <c>up</c>.</summary>
    private static List<long> Ups(Receiver receiver, string address) =>
        [.. receiver.SamplesOf($"up{{instance=\"{address}\",job=\"j\"}}").Where(s => s.Timestamp < Ahead - 100_000).Select(s => s.Timestamp)
        .Distinct()];

    /// <summary>The series of each target, told by what each of them must have: a label with its address.</summary>
    private static ILookup<string, string> ByInstance(Receiver receiver) => receiver.SeriesNames.ToLookup(AddressOf);

    private static string AddressOf(string series)
    {
        var start = series.IndexOf("=\"127.0.", StringComparison.Ordinal) + 2;
        return series[start..series.IndexOf('"', start)];
    }

    /// <summary>
    /// All that was sent of one scrape: what has its timestamp, and, with the first one, all that brings timestamps of its own.
    /// </summary>
    private static List<string> Scrape(ILookup<string, string> series, Receiver receiver, string address, int scrape)
    {
        var ups = Ups(receiver, address);
        var lines = new List<string>();
        foreach (var name in series[address])
        {
            foreach (var (timestamp, value) in receiver.SamplesOf(name))
            {
                if (name.StartsWith("scrape_duration_seconds{instance", StringComparison.Ordinal) && timestamp == ups[scrape])
                    continue;
                var text = BitConverter.DoubleToUInt64Bits(value) == 0x7ff0000000000002 ? "stale"
                    : BitConverter.DoubleToUInt64Bits(value) == 0x7ff8000000000001
                    ? "NaN" : value.ToString("R", CultureInfo.InvariantCulture);
                if (timestamp == ups[scrape])
                    lines.Add($"{Short(name, address)} {text}");
                else if (scrape == 0 && timestamp >= Ahead)
                    lines.Add($"{Short(name, address)} {text} @{timestamp}");
            }
        }
        return lines;
    }

    /// <summary>Without the target's own labels and without quotes.</summary>
    private static string Short(string series, string address) =>
        series.Replace($"instance=\"{address}\"", "").Replace("job=\"j\"", "").Replace("{,", "{").Replace(",,", ",").Replace("{,", "{")
        .Replace(",}", "}")
            .Replace("{}", "").Replace("\"", "");
}
