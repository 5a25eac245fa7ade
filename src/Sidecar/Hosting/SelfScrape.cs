using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Relabeling;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Hosting;

/// <summary>SIDECAR_SELF_SCRAPE: the sidecar's own metrics as one more target, whose body is rendered in the process.</summary>
internal sealed class SelfScrape(Target target, Scraper scraper)
{
    public const string JobName = "sidecar";

    public ImmutableArray<ScrapeLoop> Loops => scraper.Loops;

    /// <inheritdoc cref="Scraper.Ended"/>
    public Task Ended => scraper.Ended;

    /// <summary>As the first job, but for what is about its targets: their credentials, formats, limits and rules.</summary>
    /// <param name="write">Rules for all that is sent.</param>
    public static ScrapeOptions Options(ScrapeOptions first, SeriesRules? write) => first with
    {
        Job = JobVariables.Self,
        JobName = JobName,
        Scheme = "http",
        MetricsPath = "/metrics",
        Params = null,
        TargetRules = RelabelRules.None,
        Http = new HttpOptions(),
        HonorLabels = false,
        Protocols = [BodyFormat.PrometheusText004],
        NativeHistograms = null,
        Reading = first.Reading & BodyReading.BoundsAsScraped,
        BodySizeLimit = 0,
        SampleLimit = 0,
        LabelLimits = default,
        TargetLimit = 0,
        SeriesRules = write,
    };

    /// <summary>The target that stands for this process.</summary>
    /// <param name="instance">The pod's name.</param>
    public static Target Target(string instance) =>
        new(new Uri("http://localhost/metrics"), [new("job", JobName), new("instance", instance)], [], job: JobVariables.Self);

    /// <summary>From now on; what a process before this one has left of its own series ends.</summary>
    public void Begin() => scraper.Update([target]);

    /// <summary>When all else has stopped: the last values, and then the markers that end the series.</summary>
    public Task StopAsync(CancellationToken abort) => scraper.StopAsync(finalScrape: true, abort, ends: true);
}
