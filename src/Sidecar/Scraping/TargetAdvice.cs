using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Scraping;

/// <summary>The likely cause of a failed scrape, and what to do: the same in log, page and <c>check</c>.</summary>
internal static class TargetAdvice
{
    public static AdviceText For(Target target, HttpOptions http, Failure failure)
    {
        if (failure.Reason == FailureReason.Forbidden && Advice.User(failure.Message) is { } user)
        {
            if (!Advice.IsAnonymous(user))
                return new($"{user} may not read {Advice.RightTo(target.Url.AbsolutePath, failure.Message)}", Advice.AsksCheck);
            var isUnset = http.CredentialsFile is null && http.Credentials is null;
            return new(isUnset ? "no token was sent: with static targets none is sent unless it is set"
                : http.IsForTlsOnly && target.Url.Scheme == "http" ? "the token was not sent, because it would go over plain http"
                : "the token was not sent",
                $"set {Variables.ScrapeHttp.CredentialsFile.Name}");
        }
        return Advice.For(Peer(target), failure, http.Tls.ServerName);
    }

    /// <summary>What to do about samples that a good scrape leaves out.</summary>
    public static string ForLeftOut(ScrapeOutcome outcome) => outcome.OutOfBounds > 0
        ? $"the target's clock is ahead: set the clocks right, or set {Variables.HonorTimestamps.Name}=false"
        : outcome.OutOfOrder > outcome.Repeated
            ? $"the target serves older samples than before: fix the target, or set {Variables.HonorTimestamps.Name}=false"
        : "the exporter repeats series, or relabeling makes different ones the same: fix that, or drop one of them by "
            + Variables.MetricRelabelConfigs.Name;

    private static CheckPeer Peer(Target target) =>
        target.DiscoveredLabels.Any(l => l.Key.StartsWith(EndpointLabels.Prefix, StringComparison.Ordinal))
            ? CheckPeer.FoundTarget : CheckPeer.StaticTarget;
}
