using System.Globalization;
using Cluster;
using Cluster.Labels;

namespace Sidecar.Benchmarks;

/// <summary>
/// Every label that arrives is compared, of many distinct values and rules with groups, while several passes go on at once.
/// </summary>
internal static class LabelsCommand
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        if ((arguments.Text("binary") ?? await SidecarBinary.PublishAsync("artifacts/benchmarks")) is not { } binary)
            return 1;
        var options = new LabelTrialOptions(binary)
        {
            Targets = arguments.Number("targets", 6),
            Series = arguments.Number("series", 200_000),
            Scrapes = arguments.Number("scrapes", 20),
            Interval = TimeSpan.FromSeconds(arguments.Number("interval", 15)),
        };
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{options.Targets} targets of {options.Series:N0} series, {options.Scrapes} scrapes each, every {options.Interval.TotalSeconds:0} s, {DateTime.UtcNow:yyyy-MM-dd}:\n"));
        Console.WriteLine("| | series received | wrong labels | sent twice | scrapes | failed | not complete | exit code | peak memory, MiB | CPU s per million series |");
        Console.WriteLine("|---|---|---|---|---|---|---|---|---|---|");
        var isGood = true;
        foreach (var (what, trial) in Trials(options, arguments.Text("only")))
        {
            var result = await LabelTrial.RunAsync(trial, CancellationToken.None);
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"| {what} | {result.Received:N0} | {result.Wrong:N0} | {result.Twice:N0} | {result.Scrapes} | {result.Failed} | {result.Missing} | {result.ExitCode} "
                + $"| {result.PeakKibibytes / 1024.0:0.0} | {result.Cpu.TotalSeconds / Math.Max(1, result.Received / 1e6):0.00} |"));
            foreach (var line in result.Examples.Concat(result.Violations.Take(5)))
                Console.WriteLine($"  {line}");
            if (result is not { Wrong: 0, Failed: 0, Missing: 0, ExitCode: 0 })
                Console.WriteLine(result.Log);
            isGood &= result is { Wrong: 0, Failed: 0, Missing: 0, ExitCode: 0 } && result.Violations.Count == 0;
        }
        return isGood ? 0 : 1;
    }

    private static IEnumerable<(string What, LabelTrialOptions Options)> Trials(LabelTrialOptions options, string? only)
    {
        foreach (var protocol in new[] { "1.0", "2.0" })
        {
            foreach (var (what, trial) in new[]
            {
                ("one processor", options with { IsOnOneProcessor = true }),
                ("two threads", options),
                ("two threads, from disk", options with { IsStreamedFromDisk = true }),
            })
            {
                if (only is null || $"{protocol}, {what}".Contains(only, StringComparison.Ordinal))
                    yield return ($"{protocol}, {what}", trial with { Protocol = protocol });
            }
        }
    }
}
