using System.Text;
using Sidecar.Tests.Repository;

namespace Sidecar.Tests.Deploy;

/// <summary>What dashboards and rules ask for parses, and exists: in the sidecar, in a captured kube-apiserver, in the stand-in.</summary>
public sealed class ExpressionTests
{
    /// <summary>Labels that every scraped series may have; node is static-pod.yaml's.</summary>
    private static readonly string[] TargetLabels = ["job", "instance", "cluster", "node"];

    private static readonly string[] PerScrape =
        ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"];

    [Fact]
    public async Task Every_expression_parses()
    {
        var rules = new StringBuilder("groups:\n- name: all\n  rules:\n");
        var count = 0;
        foreach (var expression in Expression.All)
        {
            rules.Append($"  - record: expression:{count++}\n    expr: |\n");
            foreach (var line in expression.Filled.TrimEnd().Split('\n'))
                rules.Append($"      {line}\n");
        }
        Assert.True(count > 80);
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, rules.ToString());
        await Promtool.PassesAsync("check", "rules", file);
        File.Delete(file);
    }

    [Fact]
    public void Every_metric_exists_with_the_labels_that_it_is_selected_and_grouped_by()
    {
        var known = Families.OfApiServer();
        foreach (var (name, labels) in Families.OfSidecar())
            known[name] = [.. labels, .. known.GetValueOrDefault(name, [])];
        foreach (var name in PerScrape.Concat(Expression.Rules().Where(r => r.Has("record")).Select(Expression.Name)))
            known[name] = [];
        var seen = 0;
        foreach (var expression in Expression.All)
        {
            var labels = TargetLabels.ToHashSet();
            foreach (var (metric, selected) in expression.Selectors())
            {
                Assert.True(known.ContainsKey(metric), $"{expression.Where}: there is no {metric}");
                Assert.All(selected, label => Assert.True(
                    TargetLabels.Contains(label) || known[metric].Contains(label), $"{expression.Where}: {metric} has no label {label}"));
                labels.UnionWith(known[metric]);
                seen++;
            }
            Assert.All(expression.Groupings(), label => Assert.True(labels.Contains(label), $"{expression.Where} groups by {label}"));
        }
        Assert.True(seen > 100);
    }

    [Fact]
    public void The_stand_in_serves_every_metric_of_the_api_server_that_is_asked_for()
    {
        var captured = Families.OfApiServer();
        var served = Families.OfStandIn();
        var asked = Expression.All.SelectMany(e => e.Selectors()).Select(s => s.Metric).Distinct()
            .Where(m => captured.ContainsKey(m) && !Families.OfSidecar().ContainsKey(m)).ToList();
        Assert.True(asked.Count > 20);
        Assert.All(asked, metric => Assert.Contains(metric, served));
    }

    [Theory]
    [InlineData("sum by (a, b) (rate(x_total{c=\"1\",d=~\"y|z\"}[5m])) / on (e) (f:g:h > bool 0.5)", "x_total(c d) f:g:h()", "a b e")]
    [InlineData("max(time() - (q > 0)) or vector(0) and 1e3 * r", "q() r()", "")]
    public void The_reader_of_expressions_finds_metrics_and_labels(string text, string metrics, string groupings)
    {
        var expression = new Expression("here", text);
        Assert.Equal(metrics, string.Join(' ', expression.Selectors().Select(s => $"{s.Metric}({string.Join(' ', s.Labels)})")));
        Assert.Equal(groupings, string.Join(' ', expression.Groupings()));
    }
}
