using System.Net;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Relabeling;
using Sidecar.Scraping;

namespace Sidecar.Commands;

/// <summary><c>sidecar check</c>: walks the whole way once. A failed step skips only the steps that need it.</summary>
internal sealed class CheckCommand(Options options, JobOptions job, CheckReport report, SharedSeries shared, TimeProvider time)
    : IDisposable
{
    /// <summary>Clocks that are further apart than this put samples where nobody looks for them.</summary>
    private static readonly TimeSpan MostSkew = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan BetweenTries = TimeSpan.FromSeconds(2);

    private readonly OneScrape once = new(options, job, time);
    private ServiceAccountToken? apiToken;
    private ServiceAccountToken? scrapeToken;

    /// <summary>Again and again until all is well, for at most so long; what is reported is the last look.</summary>
    /// <returns>The exit code.</returns>
    public static async Task<int> WaitAsync(
        ConfigurationResult configuration, CommandOutput output, bool isJson, bool sendsSample, TimeSpan wait, TimeProvider time,
        CancellationToken cancellation)
    {
        var started = time.GetTimestamp();
        while (true)
        {
            var results = new MemoryStream();
            var report = new CheckReport(output.Into(results), isJson);
            var exitCode = await RunAsync(configuration, report, sendsSample, time, cancellation);
            var left = wait - time.GetElapsedTime(started);
            if (exitCode != ExitCode.Failed || left <= TimeSpan.Zero)
            {
                await output.Results.WriteAsync(results.GetBuffer().AsMemory(0, (int)results.Length), cancellation);
                return exitCode;
            }
            output.Wait($"{report.Failed} step{(report.Failed == 1 ? " fails" : "s fail")}; trying again for {TokenCheck.Ago(left)}");
            await Task.Delay(left < BetweenTries ? left : BetweenTries, time, cancellation);
        }
    }

    /// <returns>The exit code.</returns>
    private static async Task<int> RunAsync(
        ConfigurationResult configuration, CheckReport report, bool sendsSample, TimeProvider time, CancellationToken cancellation)
    {
        foreach (var error in configuration.Errors)
        {
            report.Add(new("configuration", CheckStatus.Failed,
                error.Value is null ? error.Name : $"{error.Name}=\"{OneLine.Of(error.Value, 200)}\"", new(error.Problem, error.Remedy)));
        }
        if (configuration.Options is not { } options)
        {
            report.End();
            return ExitCode.BadConfiguration;
        }
        report.Settings = configuration.Settings;
        var set = EffectiveConfiguration.WhatWasSet(configuration.Settings).Length;
        report.Add(new("configuration", CheckStatus.Ok,
            $"{set} variable{(set == 1 ? " is" : "s are")} set; 'sidecar config' shows all"));
        foreach (var warning in configuration.Warnings)
            report.Add(new("configuration", CheckStatus.Warning, warning.ToString()));
        if (options.RemoteWrite.Http.CredentialsFile is { } writeFile)
            report.Add(TokenCheck.Run("write token", Variables.RemoteWriteHttp.CredentialsFile, writeFile, time, out _));
        report.Add(CertificateCheck.Run("write cert", Variables.RemoteWriteHttp.CertFile, options.RemoteWrite.Http.Tls, time));
        var shared = new SharedSeries();
        var bytesPerSecond = 0.0;
        foreach (var job in options.Jobs)
        {
            report.Begin(job.Variables);
            using var check = new CheckCommand(options, job, report, shared, time);
            bytesPerSecond += await check.RunAsync(cancellation);
        }
        report.Begin(null);
        if (options.Lease is { } lease)
            report.Add(await LeaseCheck.RunAsync(lease, time, cancellation));
        if (bytesPerSecond > 0 || options.Queue.Directory is not null)
            report.Add(await new QueueCheck(options.Queue, bytesPerSecond, time).RunAsync(cancellation));
        using var receiver = new PeerClient(options.RemoteWrite.Http, maxConnectionsPerServer: 1, time);
        report.Say($"Asking {Failures.Host(options.RemoteWrite.Url)} to take a write request");
        report.Add(await new ReceiverProbe(options, receiver, time).RunAsync(sendsSample, cancellation));
        report.Say("Asking the process that runs here");
        foreach (var step in await ProcessCheck.RunAsync(options.Operation.ListenAddress, time, cancellation))
            report.Add(step);
        report.End();
        return report.IsGood ? ExitCode.Done : ExitCode.Failed;
    }

    public void Dispose() => once.Dispose();

    /// <summary>All steps of one job.</summary>
    /// <returns>Compressed bytes for the queue, a second.</returns>
    private async Task<double> RunAsync(CancellationToken cancellation)
    {
        CheckTokens();
        var targets = await FindTargetsAsync(cancellation);
        if (targets.Count > 0)
            return await ScrapeAsync(targets, cancellation);
        report.Add(new("targets", CheckStatus.Skipped, "not tried: none would be scraped"));
        return 0;
    }

    private void CheckTokens()
    {
        var apiFile = job.Targets.IsEmpty ? job.Kubernetes.Http.CredentialsFile : null;
        if (apiFile is not null)
            report.Add(TokenCheck.Run("token", Variables.KubernetesTokenFile, apiFile, time, out apiToken));
        scrapeToken = apiToken;
        if (job.Scrape.Http.CredentialsFile is { } scrapeFile && scrapeFile != apiFile)
            report.Add(TokenCheck.Run("scrape token", Variables.ScrapeHttp.CredentialsFile, scrapeFile, time, out scrapeToken));
        report.Add(CertificateCheck.Run("certificate", Variables.ScrapeHttp.CertFile, job.Scrape.Http.Tls, time));
    }

    private async Task<List<Target>> FindTargetsAsync(CancellationToken cancellation)
    {
        var hasObject = true;
        if (job.Targets.IsEmpty)
        {
            (var isGood, hasObject) = await AskApiServerAsync(cancellation);
            if (!isGood)
                return [];
            report.Say("Asking for targets");
        }
        var all = await DiscoverAllAsync(cancellation);
        if (all.Error is not null)
        {
            report.Add(new("discovery", CheckStatus.Failed, all.Error, new(null, "see the steps above")));
            return [];
        }
        var kept = await once.DiscoverAsync(cancellation);
        var step = kept.Error is not null ? new CheckStep("discovery", CheckStatus.Failed, kept.Error)
            : new DiscoveryCheck(job).Judge(all.Targets, kept.Targets, hasObject);
        report.Add(step);
        return step.Status == CheckStatus.Failed ? [] : kept.Targets;
    }

    /// <summary>All that the Service has, whatever the port's name and the rules: so that it can be told what they leave out.</summary>
    private async Task<(List<Target> Targets, string? Error)> DiscoverAllAsync(CancellationToken cancellation)
    {
        var all = job with
        {
            Shards = 1,
            Kubernetes = job.Kubernetes with { PortName = null },
            Scrape = job.Scrape with { TargetRules = RelabelRules.None },
        };
        using var discovery = new OneScrape(options, all, time);
        return await discovery.DiscoverAsync(cancellation);
    }

    /// <summary>Whether it may be asked, by what discovery asks, and whether the Service has an object; failures were told.</summary>
    private async Task<(bool IsGood, bool HasObject)> AskApiServerAsync(CancellationToken cancellation)
    {
        var kubernetes = job.Kubernetes;
        var objects = new ObjectClient(kubernetes, once.ApiServer, time);
        var hasObject = false;
        var host = Failures.Host(kubernetes.ApiServer!);
        report.Say($"Asking {host} for endpoints");
        var query = new ObjectQuery(kubernetes.Role == KubernetesRole.Endpoints ? ObjectKind.Endpoints : ObjectKind.EndpointSlice,
            kubernetes);
        var answer = await ListAsync(query);
        var isSecond = false;
        if (kubernetes.Role == KubernetesRole.Auto && answer.IsDenied)
        {
            var endpoints = new ObjectQuery(ObjectKind.Endpoints, kubernetes);
            var second = await ListAsync(endpoints);
            isSecond = second.IsGood || IsForbidden(second);
            if (isSecond)
            {
                report.Add(ApiFailure(answer, query, second.IsGood ? CheckStatus.Warning : CheckStatus.Failed));
                (answer, query) = (second, endpoints);
            }
        }
        if (!answer.IsGood)
            report.Add(ApiFailure(answer, query, CheckStatus.Failed));
        else if (isSecond)
            report.Add(new("API server", CheckStatus.Ok,
                $"{host} allows {query.Resource}, which are used instead; Kubernetes has deprecated them"));
        else
            report.Add(new("API server", CheckStatus.Ok, $"{host} answers, and allows {query.Resource}"));
        if (answer.IsGood && kubernetes.Watch && await WatchAsync(query) is var watch && IsForbidden(watch))
            report.Add(ApiFailure(watch, query, CheckStatus.Warning,
                $"may not watch {query.Resource} there; it is asked every {Durations.Format(kubernetes.RefreshInterval)} instead"));
        CheckClock(answer.Date);
        return (answer.IsGood, hasObject);

        async Task<ObjectAnswer> ListAsync(ObjectQuery asked)
        {
            var list = await objects.ListAsync(asked, _ => hasObject = true, cancellation);
            return list with { Failure = await Reach.LookAsync(list.Failure, kubernetes.ApiServer!, time, cancellation) };
        }

        // No event is waited for: it only has to be allowed.
        Task<ObjectAnswer> WatchAsync(ObjectQuery asked) =>
            objects.WatchAsync(asked, version: "", TimeSpan.FromSeconds(1), _ => false, () => { }, cancellation);
    }

    private static bool IsForbidden(ObjectAnswer answer) => answer.Status == HttpStatusCode.Forbidden;

    private CheckStep ApiFailure(ObjectAnswer answer, ObjectQuery query, CheckStatus status, string? mayNot = null)
    {
        const string Name = "API server";
        var failure = answer.Failure;
        var user = Advice.User(failure.Message);
        if (!IsForbidden(answer) || Advice.IsAnonymous(user))
            return new(Name, status, failure.Message, IsForbidden(answer)
                ? new("no token was sent", $"let {Variables.KubernetesTokenFile.Name} name a token")
                : failure.Reason == FailureReason.Unauthorized ? Unauthorized(apiToken, Variables.KubernetesTokenFile)
                : Advice.For(CheckPeer.ApiServer, failure), failure.Reason);
        var account = user ?? apiToken?.Subject;
        return new(Name, status, failure.Message, new($"{account ?? "the account"} {mayNot ?? $"may not read {query.Resource} there"}",
            RbacRules.Remedy(query, job.Kubernetes.Service, account)), failure.Reason)
        {
            Paste = RbacRules.ForDiscovery(query, job.Kubernetes.Service, account),
        };
    }

    /// <summary>Why a token is refused, as far as it tells itself.</summary>
    private AdviceText Unauthorized(ServiceAccountToken? token, Variable variable)
    {
        if (token?.Expires is { } expires && expires < time.GetUtcNow())
            return new($"the token expired on {TokenCheck.Date(expires)}", "see the step about the token");
        if (token is { IsForAnother: true })
            return new($"the token's audience is {string.Join(", ", token.Audiences)}: a token for somebody else than the API server",
                $"let {variable.Name} name a token without an audience of its own "
                    + "(the service account's default, or a projected one without audience)");
        return new("the token is of another cluster, or its service account was deleted or made anew",
            $"look at what mounts the file of {variable.Name}, and restart the pod");
    }

    private void CheckClock(DateTimeOffset? date)
    {
        if (date is not { } theirs)
            return;
        var ahead = time.GetUtcNow() - theirs;
        if (ahead.Duration() <= MostSkew)
            return;
        report.Add(new("clock", CheckStatus.Failed,
            $"this machine's clock is {Durations.Format(TimeSpan.FromSeconds(Math.Floor(ahead.Duration().TotalSeconds)))} "
                + $"{(ahead > TimeSpan.Zero ? "ahead of" : "behind")} the API server's",
            new("one of the two is not synchronised; samples get this machine's time, and receivers refuse or misplace what is far off",
                TokenCheck.SetClock)));
    }

    /// <returns>Compressed bytes for the queue, a second.</returns>
    private async Task<double> ScrapeAsync(List<Target> targets, CancellationToken cancellation)
    {
        var peer = job.Targets.IsEmpty ? CheckPeer.FoundTarget : CheckPeer.StaticTarget;
        var servers = new ServerCheck(options, job, time);
        var (samples, bytesPerSecond) = (0L, 0.0);
        foreach (var target in targets)
        {
            report.Say($"Scraping {Failures.Show(target.Url)}");
            var started = time.GetTimestamp();
            var outcome = new ScrapeOutcome();
            var scrape = await once.ScrapeAsync(target, outcome, cancellation);
            var took = time.GetElapsedTime(started);
            var length = scrape.Body?.Length ?? 0;
            samples += scrape.Samples;
            bytesPerSecond += length / (target.Interval ?? job.Scrape.Interval).TotalSeconds;
            var start = ServerCheck.StartOf(scrape, once.Context);
            var same = shared.Add(scrape, once.Context);
            scrape.Release();
            outcome.Failure = await Reach.LookAsync(outcome.Failure, target.Url, time, cancellation);
            report.Add(TargetCheck.Judge(target, outcome, length, took, job.Scrape, peer,
                () => Unauthorized(scrapeToken, Variables.ScrapeHttp.CredentialsFile)));
            report.Add(same);
            report.Add(await servers.RunAsync(target, start, cancellation));
        }
        report.Add(new("to send", CheckStatus.Ok,
            $"{samples:N0} samples every {Durations.Format(job.Scrape.Interval)}, up and the like included; "
                + "'sidecar scrape' prints them, 'sidecar top' weighs them"));
        return bytesPerSecond;
    }
}
