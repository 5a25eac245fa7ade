using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Relabeling;
using Sidecar.Scraping;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Http;
using Sidecar.Tests.Relabeling;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Discovery;

/// <summary>Relabeling of targets: PopulateLabels and Target.URL of Prometheus 3 (scrape/target.go).</summary>
public sealed class TargetRelabelingTests
{
    private static readonly ScrapeOptions Options =
        ScrapeFixture.Options with { JobName = "apiserver", Scheme = "https", Params = "a=1&b=2&a=3" };

    [Theory]
    [InlineData("[]", "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"source_labels":["__meta_x"],"regex":"m","action":"keep"}""",
        "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"source_labels":["__meta_x"],"regex":"m","action":"drop"}""", null)]
    [InlineData("""{"target_label":"__address__","replacement":"proxy:80"}""",
        "https://proxy:80/metrics?a=1&b=2&a=3 {instance=proxy:80 job=apiserver}")]
    [InlineData("""{"target_label":"__scheme__","replacement":"http"}""",
        "http://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__metrics_path__","replacement":"/x?y#z"}""",
        "https://10.0.0.1:6443/x%3Fy%23z?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__metrics_path__","replacement":"x"}""",
        "https://10.0.0.1:6443/x?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__metrics_path__","replacement":""}""",
        "https://10.0.0.1:6443/?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__param_a","replacement":"x y"}""",
        "https://10.0.0.1:6443/metrics?a=x+y&a=3&b=2 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__param_c","replacement":"&"}""",
        "https://10.0.0.1:6443/metrics?a=1&a=3&b=2&c=%26 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"__param_a","replacement":""}""",
        "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver}")]
    [InlineData("""{"target_label":"job","replacement":"j"},{"target_label":"instance","replacement":"i"}""",
        "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=i job=j}")]
    [InlineData("""{"target_label":"job","replacement":""}""", "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443}")]
    [InlineData("""{"regex":"__meta_(.+)","action":"labelmap"},{"target_label":"__tmp","replacement":"t"}""",
        "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {instance=10.0.0.1:6443 job=apiserver x=m}")]
    [InlineData("""{"source_labels":["__scheme__","__scrape_interval__","__scrape_timeout__","__param_b"],"target_label":"all"}""",
        "https://10.0.0.1:6443/metrics?a=1&b=2&a=3 {all=https;15s;10s;2 instance=10.0.0.1:6443 job=apiserver}")]
    public void Targets_become(string rules, string? expected)
    {
        var target = Build(rules, out var problem);
        Assert.Null(problem);
        Assert.Equal(expected, target is null
            ? null : $"{target.Url.OriginalString} {{{string.Join(' ', target.Labels.Select(l => $"{l.Key}={l.Value}"))}}}");
    }

    [Theory]
    [InlineData("""{"target_label":"__address__","replacement":""}""", "__address__ is \"\"")]
    [InlineData("""{"target_label":"__address__","replacement":"a/b"}""", "__address__ is \"a/b\"")]
    [InlineData("""{"target_label":"__scheme__","replacement":"ftp"}""", "__scheme__ is \"ftp\"")]
    [InlineData("""{"target_label":"__scrape_interval__","replacement":"0s"}""", "__scrape_interval__ is \"0s\"")]
    [InlineData("""{"target_label":"__scrape_interval__","replacement":"soon"}""", "__scrape_interval__ is \"soon\": not a duration")]
    [InlineData("""{"target_label":"__scrape_timeout__","replacement":""}""", "__scrape_timeout__ is \"\"")]
    [InlineData("""{"target_label":"__scrape_timeout__","replacement":"16s"}""",
        "__scrape_timeout__ is 16s, longer than __scrape_interval__, which is 15s")]
    [InlineData("""{"action":"labeldrop","regex":".*"}""", "__address__ is \"\"")]
    public void What_makes_no_target_is_told(string rules, string expected)
    {
        Assert.Null(Build(rules, out var problem));
        Assert.Contains(expected, problem);
    }

    [Fact]
    public void A_target_has_the_times_that_rules_give_it()
    {
        var usual = Build("[]", out _)!;
        var own = Build("""{"target_label":"__scrape_interval__","replacement":"1m"},{"target_label":"__scrape_timeout__","replacement":"30s"}""", out _)!;
        Assert.Equal((null, null), (usual.Interval, usual.Timeout));
        Assert.Equal((TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(30)), (own.Interval, own.Timeout));
        Assert.NotEqual(usual, own);
    }

    [Fact]
    public async Task A_change_of_what_rules_read_is_published()
    {
        var json = Samples.Slices(Samples.Slice("one", "10.0.0.1", "10.0.0.2"));
        await using var server = new RawServer(_ => RawServer.Json(json));
        var options = DiscoveryRun.Kubernetes(server.Url, TimeSpan.FromMilliseconds(50));
        var rules = Rules.Parse("""
            [{"source_labels":["__address__"],"regex":"10\\.0\\.0\\.2:.*","action":"drop"},
             {"source_labels":["__meta_kubernetes_endpointslice_name"],"target_label":"slice"}]
            """);
        await using var run = new DiscoveryRun(
            options.With(job => job with { Scrape = job.Scrape with { TargetRules = rules } }), TimeProvider.System);
        await run.UntilAsync(() => run.Known is [var only] && only.Labels.Contains(KeyValuePair.Create("slice", "one")));
        Assert.Equal("10.0.0.1:6443", run.Targets);
        json = Samples.Slices(Samples.Slice("two", "10.0.0.1", "10.0.0.2"));
        await run.UntilAsync(() => run.Known is [var only] && only.Labels.Contains(KeyValuePair.Create("slice", "two")));
        Assert.Equal(2, run.Published);
    }

    [Fact]
    public async Task Rules_that_keep_nothing_are_told()
    {
        await using var server = new RawServer(_ => RawServer.Json(Samples.Slices(Samples.Slice("one", "10.0.0.1"))));
        var options = DiscoveryRun.Kubernetes(server.Url, TimeSpan.FromMilliseconds(50));
        var rules = Rules.Parse("""{"source_labels":["__meta_kubernetes_namespace"],"regex":"other","action":"keep"}""");
        await using var run = new DiscoveryRun(
            options.With(job => job with { Scrape = job.Scrape with { TargetRules = rules } }), TimeProvider.System);
        await run.UntilAsync(() => run.Log.Any(l => l.Contains("SIDECAR_RELABEL_CONFIGS keeps no target")));
        await run.UntilAsync(() => run.Targets == "");
    }

    private static Target? Build(string rules, out string? problem) => TargetBuilder.FromLabels(
        new() { ["__address__"] = "10.0.0.1:6443", ["__meta_x"] = "m" }, Options with { TargetRules = Rules.Parse(rules) }, out problem);
}
