using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>The own metrics that say what the judgement says.</summary>
internal static class JudgementMetrics
{
    public static void Set(Metrics metrics, Judgement judgement, WriteVersion version)
    {
        var facts = judgement.Facts;
        var bits = 0L;
        foreach (var finding in judgement.Findings)
            bits |= 1L << (int)finding.Condition;
        metrics.Conditions = bits;
        metrics.QueueRoomSeconds.Set(facts.OutageThatFits?.TotalSeconds ?? double.PositiveInfinity);
        metrics.HighestTargets.Set(facts.HighestTargets);
        metrics.TargetsDown.Set(facts.Targets.Down);
        metrics.LastAcceptedSeconds.Set(Seconds(facts.Sending.LastAccepted));
        metrics.DiscoveryAnsweredSeconds.Set(Seconds(facts.DiscoveryAnswered));
        metrics.WriteVersion.Set(version == WriteVersion.One ? 1 : 2);
        metrics.ExpirySeconds.Set(Seconds(facts.ApiServerExpiry.OrSooner(facts.TargetExpiry).OrSooner(facts.ReceiverExpiry).First));
    }

    private static double Seconds(DateTimeOffset? at) => (at?.ToUnixTimeMilliseconds() ?? 0) / 1000.0;
}
