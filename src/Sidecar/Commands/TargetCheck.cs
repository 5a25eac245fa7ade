using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Scraping;

namespace Sidecar.Commands;

/// <summary>What one scrape of one target tells.</summary>
internal static class TargetCheck
{
    private const string Name = "target";

    /// <param name="unauthorized">Why the token is refused.</param>
    public static CheckStep Judge(
        Target target, ScrapeOutcome outcome, long compressed, TimeSpan took, ScrapeOptions options, CheckPeer peer,
        Func<AdviceText> unauthorized)
    {
        var url = Failures.Show(target.Url);
        if (!outcome.Failure.IsNone)
            return Failed(target, outcome.Failure, options, unauthorized);
        if (outcome.BodyBytes == 0)
            return new(Name, CheckStatus.Failed, $"{url} answers 200 with an empty body",
                new("something else than an exporter answers there, or a proxy in between lost the body",
                    $"look at {peer.Address} and {Variables.MetricsPath.Name}"));
        var fact = $"{url}: {outcome.Scraped:N0} sample{(outcome.Scraped == 1 ? "" : "s")}, "
            + $"{compressed / 1024.0:N0} KiB compressed, in {took.TotalSeconds:0.0}s";
        if (outcome.Scraped > 0 && outcome.Sent == 0)
            return new(Name, CheckStatus.Failed, $"{fact}; none of them would be sent", new("relabeling drops them all",
                $"look at {Variables.MetricRelabelConfigs.Name}, {Variables.WriteRelabelConfigs.Name} and {Variables.Preset.Name}"));
        if (outcome.OutOfBounds > 0)
            return new(Name, CheckStatus.Warning,
                $"{fact}; {outcome.OutOfBounds:N0} of them are more than ten minutes in the future, and left out",
                new("the target's clock is ahead of this machine's", $"set the clocks, or {Variables.HonorTimestamps.Name}=false"));
        if (outcome.Duplicates + outcome.OutOfOrder > 0)
            return new(Name, CheckStatus.Warning,
                $"{fact}; {outcome.Duplicates + outcome.OutOfOrder:N0} of them are there twice, and the later ones left out",
                new("the exporter repeats series, or relabeling makes different ones the same",
                    $"fix the exporter, or {Variables.MetricRelabelConfigs.Name}"));
        return new(Name, CheckStatus.Ok, fact);
    }

    private static CheckStep Failed(Target target, Failure failure, ScrapeOptions options, Func<AdviceText> unauthorized)
    {
        var fact = failure.Message.Contains(Failures.Host(target.Url), StringComparison.Ordinal) ? failure.Message
            : $"{Failures.Show(target.Url)}: {failure.Message}";
        var advice = failure.Reason == FailureReason.Unauthorized && options.Http.CredentialsFile is not null ? unauthorized()
            : TargetAdvice.For(target, options.Http, failure);
        var path = target.Url.AbsolutePath;
        var denied = failure.Reason == FailureReason.Forbidden ? Advice.User(failure.Message) : null;
        return denied is null || Advice.IsAnonymous(denied) ? new(Name, CheckStatus.Failed, fact, advice, failure.Reason)
            : new(Name, CheckStatus.Failed, fact, new(advice.Cause, RbacRules.Remedy(path, denied)), failure.Reason)
            {
                Paste = RbacRules.ForMetrics(path, denied, failure.Message),
            };
    }
}
