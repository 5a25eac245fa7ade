using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary><c>sidecar top</c>: which metrics cost most, which of their labels multiply them, and rules that would save the most.</summary>
internal static class TopCommand
{
    public const string UsualCount = "10";

    private const int MostLabels = 8;

    /// <param name="count">Metrics to show.</param>
    /// <returns>Whether every target answered well.</returns>
    public static async Task<bool> RunAsync(
        Options options, int count, IReadOnlyDictionary<string, string?> environment, CommandOutput output, TimeProvider time,
        CancellationToken cancellation)
    {
        var isGood = true;
        foreach (var job in options.Jobs)
        {
            if (options.HasNames)
            {
                await using var heading = output.Text();
                heading.WriteLine($"{(job == options.Jobs[0] ? "" : "\n")}job {job.Name}");
            }
            isGood &= await RunAsync(options, job, count, environment, output, time, cancellation);
        }
        return isGood;
    }

    private static async Task<bool> RunAsync(
        Options options, JobOptions job, int count, IReadOnlyDictionary<string, string?> environment, CommandOutput output,
        TimeProvider time, CancellationToken cancellation)
    {
        using var once = new OneScrape(options, job, time, output.Errors);
        if (await once.FindTargetsAsync(output, cancellation) is not { } targets)
            return false;
        var costs = new MetricCosts();
        Scrape? largest = null; // the others are let go as soon as they are counted
        var good = 0;
        foreach (var target in targets)
        {
            var (scrape, isUp) = await once.ScrapeAsync(target, output, cancellation);
            good += isUp ? 1 : 0;
            costs.Add(scrape, once.Context);
            if (largest is null || scrape.Samples > largest.Samples)
            {
                largest?.Release();
                largest = scrape;
            }
            else
                scrape.Release();
        }

        output.Wait("Counting");
        var metrics = costs.First(count);
        costs.CountLabels(metrics, new ScrapeWalk(largest!, once.Context));
        var savings = new TopSavings(job, largest!, once.Context, environment);
        var proposals = savings.Propose(metrics);
        output.Clear();

        await using var text = output.Text();
        WriteTable(text, options.RemoteWrite.Protocol, job.Scrape.Interval, targets.Count, costs, metrics);
        foreach (var proposal in proposals)
        {
            text.WriteLine();
            var of = targets.Count > 1 ? $" of {Failures.Show(largest!.Target.Url)}" : "";
            text.WriteLine($"{proposal.What}: saves {proposal.Series:N0} series{of} "
                + $"({Percent(proposal.Series, savings.Before.Series)}) "
                + $"and {Percent(proposal.Bytes, savings.Before.Bytes)} of the bytes");
            text.WriteLine($"  {proposal.Variable}='{proposal.Value.Replace("'", "'\\''")}'");
        }
        largest!.Release();
        return good == targets.Count;
    }

    private static void WriteTable(
        TextWriter text, WriteProtocol protocol, TimeSpan interval, int targets, MetricCosts costs, List<MetricCost> metrics)
    {
        text.WriteLine($"{costs.Series:N0} series of {targets:N0} target{(targets == 1 ? "" : "s")}, "
            + $"{Size(costs.Bytes)} as sent (remote write {(protocol == WriteProtocol.One ? "1.0" : "2.0")}) "
            + $"for each scrape (every {Durations.Format(interval)})");
        text.WriteLine();
        text.WriteLine($"{"series",10}  {"share",6}  {"bytes",9}  metric and its labels by number of values");
        foreach (var metric in metrics)
        {
            text.WriteLine($"{metric.Series,10:N0}  {Percent(metric.Series, costs.Series),6}  "
                + $"{Size(metric.Bytes),9}  {OneLine.Of(metric.Name, 100)}");
            var all = metric.Labels;
            if (all.Count == 0)
                continue;
            var shown = string.Join(", ", all.GetRange(0, Math.Min(MostLabels, all.Count))
                .ConvertAll(static l => $"{OneLine.Of(l.Name, 40)} {l.Values:N0}{(l.IsCut ? " or more" : "")}"));
            text.WriteLine($"{"",10}  {"",6}  {"",9}    {shown}{(all.Count > MostLabels ? $" and {all.Count - MostLabels} more" : "")}");
        }
    }

    private static string Percent(long part, long whole) => $"{(whole == 0 ? 0 : 100.0 * part / whole):0.0}%";

    private static string Size(double bytes) => bytes switch
    {
        < 1000 => $"{bytes:0} B",
        < 1000 * 1024 => $"{bytes / 1024:0.0} KiB",
        _ => $"{bytes / 1024 / 1024:0.00} MiB",
    };
}
