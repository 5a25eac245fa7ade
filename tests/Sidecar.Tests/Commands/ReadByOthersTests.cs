using System.Globalization;
using System.Text;
using Sidecar.Commands;
using Sidecar.Relabeling;
using Sidecar.Tests.Relabeling;

namespace Sidecar.Tests.Commands;

/// <summary>
/// What kubernetes-mixin 1.5.6 reads of kube-apiserver survives every preset and every proposal of <c>top</c>, with the labels that it
/// reads.
/// </summary>
public sealed class ReadByOthersTests
{
    private static readonly string[] Bounds =
        ["0.05", "0.1", "0.2", "0.4", "0.6", "0.8", "1", "1.25", "1.5", "2", "3", "4", "5", "6", "8", "10", "15", "20", "30", "45", "60",
        "+Inf"];
    private static readonly string[] Objectives = ["1", "5", "30", "+Inf"];
    private static readonly string[] Ages =
        ["0", "1800", "3600", "7200", "21600", "43200", "86400", "172800", "345600", "604800", "2.592e+06", "+Inf"];
    private static readonly string[] Waits =
        ["1e-08", "1e-07", "1e-06", "9.999999999999999e-05", "0.001", "0.01", "0.1", "1", "10", "+Inf"];

    /// <summary>
    /// Metric, the bounds it is served with, those that are read (null: it is no histogram), and the labels that are read.
    /// </summary>
    public static readonly (string Name, string[]? Served, string[]? Read, string Labels)[] Table =
    [
        ("apiserver_request_total", null, null, "verb=\"GET\",code=\"200\",resource=\"pods\""),
        ("apiserver_request_sli_duration_seconds_bucket", Bounds, Objectives,
        "verb=\"LIST\",scope=\"cluster\",subresource=\"status\",resource=\"pods\""),
        ("apiserver_request_sli_duration_seconds_count", null, null,
        "verb=\"LIST\",scope=\"cluster\",subresource=\"status\",resource=\"pods\""),
        ("apiserver_request_terminations_total", null, null, ""),
        ("apiserver_client_certificate_expiration_seconds_bucket", Ages, Ages, ""),
        ("apiserver_client_certificate_expiration_seconds_count", null, null, ""),
        ("aggregator_unavailable_apiservice", null, null, "name=\"v1.x\""),
        ("aggregator_unavailable_apiservice_total", null, null, "name=\"v1.x\",reason=\"Gone\""),
        ("rest_client_requests_total", null, null, "code=\"200\""),
        ("kubernetes_build_info", null, null, "git_version=\"v1.36.2\""),
        ("workqueue_adds_total", null, null, "name=\"q\""),
        ("workqueue_depth", null, null, "name=\"q\""),
        ("workqueue_queue_duration_seconds_bucket", Waits, Waits, "name=\"q\""),
        ("process_resident_memory_bytes", null, null, ""),
        ("process_cpu_seconds_total", null, null, ""),
        ("go_goroutines", null, null, ""),
    ];

    public static TheoryData<string> Metrics => [.. Table.Select(t => t.Name)];

    /// <summary>Bounds as kube-apiserver writes them, and as Prometheus 3 stores them.</summary>
    [Theory, InlineData(false), InlineData(true)]
    public void No_preset_takes_any_of_it(bool isNormalized)
    {
        Assert.NotEmpty(Presets.All);
        foreach (var (_, rules) in Presets.All)
            AssertKeeps(rules, isNormalized);
    }

    /// <summary>Each of the metrics costs the most in its turn, so that the proposals are about it.</summary>
    [Theory, MemberData(nameof(Metrics))]
    [Trait("Speed", "Slow")]
    public async Task No_proposal_takes_any_of_it(string dominant)
    {
        foreach (var labels in (string[])["normalized", "as_scraped"])
        {
            await using var run = await CommandRun.CreateAsync();
            run.Environment["SIDECAR_BUCKET_LABELS"] = labels;
            run.ApiServer.Metrics.Serve(Body(dominant));
            Assert.Equal(0, await run.RunAsync("top", "40"));
            foreach (var proposal in TopCommandTests.Proposals(run).Where(p => p.Variable == "SIDECAR_METRIC_RELABEL_CONFIGS"))
                AssertKeeps(proposal.Value, labels == "normalized");
        }
    }

    /// <summary>Where nothing else is worth a proposal, the objectives' own histogram still may shrink to what is read of it.</summary>
    [Fact]
    public async Task Of_the_objectives_histogram_all_but_the_objectives_may_go()
    {
        await using var run = await CommandRun.CreateAsync();
        run.ApiServer.Metrics.Serve(Body("apiserver_request_sli_duration_seconds_bucket"));
        Assert.Equal(0, await run.RunAsync("top", "1"));
        var most = TopCommandTests.Proposals(run)[^1];
        Assert.Equal("SIDECAR_METRIC_RELABEL_CONFIGS", most.Variable);
        Assert.Equal((Bounds.Length - Objectives.Length) * 201, most.Saved);
    }

    /// <summary>Which it is not: the metrics that nobody is known to read are proposed for dropping as before.</summary>
    [Fact]
    public void Others_may_go_whole()
    {
        Assert.NotNull(Proposal.DropMetric(new MetricCost("apiserver_audit_event_total"u8.ToArray())));
        Assert.All(Table, row => Assert.Null(Proposal.DropMetric(new MetricCost(Encoding.UTF8.GetBytes(row.Name)))));
    }

    private static void AssertKeeps(string json, bool isNormalized)
    {
        var rules = Rules.Parse(json);
        foreach (var (name, _, read, labels) in Table)
        {
            foreach (var bound in read ?? [""])
            {
                var le = isNormalized && double.TryParse(bound, CultureInfo.InvariantCulture, out _) && !bound.Contains('.')
                    && !bound.Contains('e') ? bound + ".0" : bound;
                var own = string.Join(' ', ((string[])[$"__name__={name}", labels.Replace("\"", "").Replace(',', ' '), read is null
                    ? "" : $"le={le}"])
                    .SelectMany(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Order(StringComparer.Ordinal));
                Assert.Equal(own, Rules.Apply(rules, own));
            }
        }
    }

    private static string Body(string dominant)
    {
        var body = new StringBuilder();
        foreach (var (name, served, _, labels) in Table)
        {
            if (served is not null)
                body.Append($"# TYPE {name[..^"_bucket".Length]} histogram\n");
            for (var i = 0; i <= (name == dominant ? 200 : 0); i++)
            {
                foreach (var bound in served ?? [""])
                    body.Append($"{name}{{{labels}{(labels.Length > 0 ? "," : "")}other=\"{i}\"{(served is null ? "" : $",le=\"{bound}\"")}}} 1\n");
            }
        }
        return body.ToString();
    }
}
