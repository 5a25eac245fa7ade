using Cluster;
using Cluster.Campaigns;

namespace Sidecar.Benchmarks;

/// <summary>Minutes in which everything goes wrong at once, with somebody beside it who knows every sample that was served.</summary>
internal static class CampaignCommand
{
    public static async Task<int> RunAsync(Arguments arguments)
    {
        if ((arguments.Text("binary") ?? await SidecarBinary.PublishAsync("artifacts/benchmarks")) is not { } binary)
            return 1;
        var seed = arguments.Number("seed", Environment.TickCount & 0xffff);
        var minutes = arguments.Number("minutes", 10);
        var faults = arguments.Text("faults") is { } names ? Enum.Parse<Faults>(names, ignoreCase: true) : Faults.All;
        if (arguments.Text("without") is { } without)
            faults &= ~Enum.Parse<Faults>(without, ignoreCase: true);
        var options = new CampaignOptions(binary, seed, TimeSpan.FromSeconds(arguments.Number("seconds", 60 * minutes)))
        {
            Faults = faults,
            IsOnOneProcessor = arguments.Number("processors", 2) == 1,
            LogFile = arguments.Text("log"),
        };
        Console.WriteLine($"seed {seed}, faults {faults} …");
        using var interrupted = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            interrupted.Cancel();
        };
        var verdict = await FaultCampaign.RunAsync(options, interrupted.Token);
        Console.WriteLine("\n" + verdict.Table());
        foreach (var (what, count) in verdict.Requests)
            Console.WriteLine($"requests that met {what}: {count}");
        foreach (var finding in verdict.Findings)
            Console.WriteLine(finding);
        await File.WriteAllTextAsync("campaign.md", verdict.Table());
        return verdict.Findings.Count == 0 ? 0 : 1;
    }
}
