using Sidecar.Hosting;
using Sidecar.Records;

namespace Sidecar.Commands;

/// <summary><c>sidecar scrape</c>: what would be sent, after relabeling, in Prometheus's text format. Nothing is sent.</summary>
internal static class ScrapeCommand
{
    /// <returns>Whether every target answered well.</returns>
    public static async Task<bool> RunAsync(Options options, CommandOutput output, TimeProvider time, CancellationToken cancellation)
    {
        await using var buffer = new BufferedStream(output.Results, 64 * 1024);
        var text = new SampleText(buffer);
        var isGood = true;
        foreach (var job in options.Jobs)
            isGood &= await RunAsync(options, job, text, output, time, cancellation);
        return isGood;
    }

    private static async Task<bool> RunAsync(
        Options options, JobOptions job, SampleText text, CommandOutput output, TimeProvider time, CancellationToken cancellation)
    {
        using var once = new OneScrape(options, job, time, output.Errors);
        if (await once.FindTargetsAsync(output, cancellation) is not { } targets)
            return false;
        var isGood = true;
        foreach (var target in targets)
        {
            var (scrape, isUp) = await once.ScrapeAsync(target, output, cancellation);
            isGood &= isUp;
            for (var samples = new ScrapeWalk(scrape, once.Context); samples.Next();)
                text.Write(samples);
            scrape.Release();
        }
        return isGood;
    }
}
