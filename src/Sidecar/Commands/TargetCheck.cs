using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Scraping;

namespace Sidecar.Commands;

/// <summary>What one scrape of one target tells.</summary>
internal static class TargetCheck
{
    /// <param name="unauthorized">Why the token is refused.</param>
    public static CheckStep Judge(
        Target target, ScrapeOutcome outcome, long compressed, TimeSpan took, ScrapeOptions options, CheckPeer peer,
        Func<AdviceText> unauthorized)
    {
        const string Name = "target";
        var url = Failures.Show(target.Url);
        if (!outcome.Failure.IsNone)
            return Failed(Name, target, url, outcome.Failure, options, unauthorized);
        if (outcome.BodyBytes == 0)
        {
            return new CheckStep(Name, CheckStatus.Failed, $"{url} answers 200 with an empty body")
            {
                Cause = "something else than an exporter answers there, or a proxy in between lost the body",
                Remedy = $"look at {peer.Address} and {Variables.MetricsPath.Name}",
            };
        }
        var fact = $"{url}: {outcome.Scraped:N0} sample{(outcome.Scraped == 1 ? "" : "s")}, "
            + $"{compressed / 1024.0:N0} KiB compressed, in {took.TotalSeconds:0.0}s";
        if (outcome.Scraped > 0 && outcome.Sent == 0)
        {
            return new CheckStep(Name, CheckStatus.Failed, $"{fact}; none of them would be sent")
            {
                Cause = "relabeling drops them all",
                Remedy = $"look at {Variables.MetricRelabelConfigs.Name}, {Variables.WriteRelabelConfigs.Name} and {Variables.Preset.Name}",
            };
        }
        if (outcome.OutOfBounds > 0)
        {
            return new CheckStep(Name, CheckStatus.Warning,
                $"{fact}; {outcome.OutOfBounds:N0} of them are more than ten minutes in the future, and left out")
            {
                Cause = "the target's clock is ahead of this machine's",
                Remedy = $"set the clocks, or {Variables.HonorTimestamps.Name}=false",
            };
        }
        if (outcome.Duplicates + outcome.OutOfOrder > 0)
        {
            return new CheckStep(Name, CheckStatus.Warning,
                $"{fact}; {outcome.Duplicates + outcome.OutOfOrder:N0} of them are there twice, and the later ones left out")
            {
                Cause = "the exporter repeats series, or relabeling makes different ones the same",
                Remedy = $"fix the exporter, or {Variables.MetricRelabelConfigs.Name}",
            };
        }
        return new CheckStep(Name, CheckStatus.Ok, fact);
    }

    private static CheckStep Failed(
        string name, Target target, string url, Failure failure, ScrapeOptions options, Func<AdviceText> unauthorized)
    {
        var fact = failure.Message.Contains(Failures.Host(target.Url), StringComparison.Ordinal) ? failure.Message
            : $"{url}: {failure.Message}";
        var step = new CheckStep(name, CheckStatus.Failed, fact) { Reason = Word.Of(failure.Reason) };
        var user = Advice.User(failure.Message);
        switch (failure.Reason)
        {
            case FailureReason.Forbidden when user is not null && !Advice.IsAnonymous(user):
                step.Paste = RbacRules.ForMetrics(target.Url.AbsolutePath, user, failure.Message);
                return step.With(new AdviceText(TargetAdvice.For(target, options.Http, failure).Cause,
                    RbacRules.Remedy(target.Url.AbsolutePath, user)));
            case FailureReason.Unauthorized when options.Http.CredentialsFile is not null:
                return step.With(unauthorized());
            default:
                return step.With(TargetAdvice.For(target, options.Http, failure));
        }
    }
}
