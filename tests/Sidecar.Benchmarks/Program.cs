using BenchmarkDotNet.Running;
using Sidecar.Benchmarks;

switch (args)
{
    case ["cost", .. var rest]:
        return await CostCommand.RunAsync(new Arguments(rest));
    case ["compare", .. var rest]:
        return await CompareCommand.RunAsync(new Arguments(rest));
    case ["scale", ..]:
        return await ScaleCommand.RunAsync();
    case ["soak", .. var rest]:
        return await SoakCommand.RunAsync(new Arguments(rest));
    case ["outage", ..]:
        return await OutageCommand.RunAsync();
    case ["standby", .. var rest]:
        return await StandbyCommand.RunAsync(new Arguments(rest));
    case ["campaign", .. var rest]:
        return await CampaignCommand.RunAsync(new Arguments(rest));
    case ["labels", .. var rest]:
        return await LabelsCommand.RunAsync(new Arguments(rest));
    case ["stages", .. var rest]:
        return StagesCommand.Run(new Arguments(rest));
    case ["order", .. var rest]:
        return await OrderCommand.RunAsync(new Arguments(rest));
    case ["relabel", .. var rest]:
        return RelabelCommand.Run(new Arguments(rest));
    case ["target", .. var rest]:
        return await TargetCommand.RunAsync(new Arguments(rest));
    case [var option, ..] when option.StartsWith("--", StringComparison.Ordinal) && option is not "--help":
        BenchmarkSwitcher.FromAssembly(typeof(EncodingBenchmarks).Assembly).Run(args);
        return 0;
    default:
        Console.WriteLine("""
            cost     [--samples 150000] [--scrapes 10] [--interval 3]
                     what the published sidecar costs: TLS target, discarding receiver; figures from /proc
            compare  [--samples 150000] [--seconds 45] [--binary FILE]
                     the sidecar, Prometheus in agent mode and vmagent, one after another, on the same target and a fresh VictoriaMetrics
                     each; samples as stored there; memory as VmHWM and, as root, the working set of a memory cgroup; writes compare.md and
                     compare.svg into the current folder. Other binaries than those on the path: PROMETHEUS, VMAGENT, VICTORIA_METRICS
            scale    the published sidecar with 10,000, 100,000 and 1,000,000 series, and with 1, 10 and 100 targets; writes scale.md and scale.svg
            soak     [--minutes 10] [--churn 0] [--only TEXT] [--binary FILE]
                     four sizes of targets and intervals, in both versions of remote write, with and without TLS, all at once: the worst
                     second's memory beside the first minute's mean, above 1.15 exit code 1; writes soak.md and soak.svg
            outage   the receiver is away for ten seconds, and in the middle of it each of the three is killed and started again: what is lost;
                     writes outage.md
            standby  [--seconds 60] [--binary FILE]
                     two published sidecars and a lease: what the one costs that stands by
            campaign [--minutes 10] [--seed S] [--faults Kill,Receiver,…] [--without DiskFrozen,…] [--processors 1] [--log FILE] [--binary FILE]
                     SIGKILL, SIGTERM and SIGSTOP, a receiver, targets, an API server and a disk that fail, all at random and at once: what is
                     lost, and what is wrong; writes campaign.md
            labels   [--targets 6] [--series 200000] [--scrapes 20] [--interval 15] [--only TEXT] [--binary FILE]
                     compares every label that arrives, of many distinct values and rules with groups: on one processor, with two threads,
                     from memory and from disk, in both versions
            stages   [--samples 150000 | --body FILE]
                     processor time of each step of the pass over a body, and of the floors
            order    [--samples 150000] [--output FILE]
                     writes src/Sidecar/Order.txt: which methods a running sidecar uses, for the compiler to put them side by side
            relabel  --body FILE [--rules JSON]
                     series of a body before and after each rule; without rules, those of the preset apiserver-lean
            --filter '*' and other options of BenchmarkDotNet
                     micro-benchmarks: parsing, encoding, compression, relabeling
            """);
        return args is [] or ["--help"] ? 0 : 2;
}
