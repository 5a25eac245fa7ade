using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Commands;

/// <summary>Whether a target's address always leads to one server, by its start time: behind a load balancer, rates are wrong.</summary>
internal sealed class ServerCheck(Options options, JobOptions job, TimeProvider time)
{
    /// <summary>Scrapes besides the first, each on a connection of its own.</summary>
    private const int Tries = 2;

    private const int MostTargets = 3;

    private readonly double began = time.GetUtcNow().ToUnixTimeSeconds();
    private int targets;

    /// <param name="first">When the server of the first scrape was started; null where it does not say.</param>
    /// <returns>Null where nothing is wrong.</returns>
    public async Task<CheckStep?> RunAsync(Target target, double? first, CancellationToken cancellation)
    {
        if (first is null || ++targets > MostTargets)
            return null;
        for (var i = 0; i < Tries; i++)
        {
            using var once = new OneScrape(options, job, time);
            var scrape = await once.ScrapeAsync(target, new ScrapeOutcome(), cancellation);
            var start = StartOf(scrape, once.Context);
            scrape.Release();
            // One that was started only now is the same one, restarted.
            if (start is null || start == first || start >= began)
                continue;
            return new("target", CheckStatus.Failed,
                $"different servers answer at {Failures.Show(target.Url)}: one was started {Date(first.Value)}, another {Date(start.Value)}",
                new("a load balancer stands before several servers; each scrape is of another one, so that counters jump and rates are wrong",
                    $"scrape each by its own address: leave {Variables.Targets.Name} unset and let discovery find them, "
                        + $"or name each in {Variables.Targets.Name}"));
        }
        return null;
    }

    /// <summary>What the server says of its start, whatever the rules drop; seconds since 1970.</summary>
    public static double? StartOf(Scrape scrape, PassContext context)
    {
        if (scrape.Body is null || !scrape.IsGood)
            return null;
        var series = new ScrapeWalk(scrape, context, new TargetLabels([], [], honorLabels: false, null));
        while (series.Next())
        {
            if (series.Labels.Find("__name__"u8).SequenceEqual("process_start_time_seconds"u8))
                return series.Value;
        }
        return null;
    }

    private static string Date(double seconds) => TokenCheck.Date(DateTimeOffset.FromUnixTimeMilliseconds((long)(seconds * 1000)));
}
