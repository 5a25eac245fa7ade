using Sidecar.Commands;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Http;
using Sidecar.Memory;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Scraping;
using Sidecar.Sending;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar;

/// <summary>The life of the process: configuration or exit; the steps wired by hand; until a signal; drain.</summary>
internal static class Program
{
    private static async Task<int> Main(string[] arguments)
    {
        // .NET looks for certificates of the user's own. A user without a name (DynamicUser, a pod's random one) has no home unless this
        // says so, and then no TLS connection is made at all.
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("HOME")))
            Environment.SetEnvironmentVariable("HOME", "/");
        var environment = ProcessEnvironment.Read();
        if (arguments.Length > 0)
            return await CommandLine.RunAsync(arguments, environment, CommandOutput.OfProcess(environment), TimeProvider.System, default);
        var configuration = OptionsReader.Read(environment);
        configuration.WriteErrors(Console.Error);
        return configuration.Options is { } options ? await RunAsync(options, configuration) : ExitCode.BadConfiguration;
    }

    private static async Task<int> RunAsync(Options options, ConfigurationResult configuration)
    {
        NativeHeap.UseOneArena();
        var time = TimeProvider.System;
        var metrics = new Metrics(options.RemoteWrite.Url, options.Jobs[0].Name, options.Jobs[0].Scrape.Interval, time);
        foreach (var job in options.Jobs.Skip(1))
            metrics.AddJob(job.Name, job.Scrape.Interval);
        using var standardError = new StandardError();
        var log = new Log(standardError, options.Operation.LogLevel, options.Operation.LogFormat, time);
        standardError.LinesDropped += lines => log.Warn("Log lines were dropped: nobody read standard error", ("lines", lines),
            ("remedy", "see why the container runtime, or whatever reads standard error, does not read"));
        var errors = new InternalErrors(metrics, log, time);

        using var stop = new CancellationTokenSource();
        var forcedExit = new ForcedExit(options.Operation.ShutdownTimeout, log);
        AppDomain.CurrentDomain.UnhandledException += (_, e) =>
            forcedExit.Now("A bug in the sidecar ends the process; please report it with this line", e.ExceptionObject);
        using var signals = new Signals(hasTerminal: !Console.IsInputRedirected, stop, forcedExit, log);
        signals.Register();

        // From the receiver back to the targets: each step is given the one that it hands on to.
        var protocol = new ReceiverProtocol(options.RemoteWrite.Protocol);
        using var passes = new Passes(options.RemoteWrite.MaxSamplesPerSend, protocol, errors, time);
        var folder = options.Queue.Directory is { } directory
            ? new FolderThread(new ScrapeFolder(directory, new FolderCalls(), metrics, log, options.RulesOf, time), metrics, log, time,
                errors) : null;
        using var queue = new ScrapeQueue(options.Queue, folder, metrics, log, time);
        using var receiver = new PeerClient(options.RemoteWrite.Http, options.RemoteWrite.Concurrency, time, log);
        using var sender = new Sender(options.RemoteWrite, protocol, receiver, queue, passes, metrics, errors, log, time, stop.Token);
        using var bodies = new LargeBodies(options.Queue.BodyLimit);
        var budget = new HeldBudget(HeldBudget.Usual);
        var peers = new Dictionary<HttpOptions, PeerClient>();
        var lease = options.Lease is { } wanted
            ? new Lease(wanted, $"{Environment.MachineName}_{Guid.NewGuid():N}", Peer(wanted.Http), metrics, log, errors, time)
                { Tidy = passes.Tidy } : null;
        var jobs = options.Jobs.Select(Begin).ToImmutableArray();
        using var history = new History(metrics, options.Jobs.Min(j => j.Scrape.Interval), errors, time);
        var state = new ProcessState(options, configuration.Settings, jobs, queue, sender, protocol, receiver, lease, metrics, errors,
            history, time);
        var self = state.Self = options.Self is { } its ? BeginSelf(its) : null;
        using var follower = new JudgementLog(state.Judge, log, errors, time);

        var listenError = "";
        using var listener = options.Operation.ListenAddress is { } address
            ? Listener.Start(address, state.Pages, errors, log, time, out listenError) : null;
        if (listenError.Length > 0)
        {
            log.Error("The listener cannot start", ("error", listenError),
                ("remedy", "set SIDECAR_LISTEN_ADDRESS to an address of this machine with a free port, or to nothing for no listener"));
            return ExitCode.Failed;
        }
        LogStart(log, configuration, listener);
        if (!await queue.OpenAsync())
        {
            log.Error("SIDECAR_QUEUE_DIRECTORY: another process has this folder; each sidecar needs one of its own",
                ("path", folder!.Path), ("remedy", "set SIDECAR_QUEUE_DIRECTORY to another folder, or end the other process"));
            return ExitCode.BadConfiguration;
        }

        var lifetime = new Lifetime(options.Operation.ShutdownTimeout, forcedExit, log, time)
        {
            SendAsync = async cancellation =>
            {
                await sender.RunAsync(cancellation);
                await queue.SettleAsync(cancellation);
            },
            DiscoverAsync = cancellation =>
            {
                self?.Begin();
                return Task.WhenAny([.. jobs.Select(j => j.Discovery.RunAsync(j.Scraper.Update, cancellation)),
                    lease?.RunAsync(Lead, cancellation) ?? Task.Delay(Timeout.Infinite, cancellation)]).Unwrap();
            },
            ScrapingEnded = Task.WhenAny(jobs.Select(j => j.Scraper.Ended).Concat(self is null ? [] : [self.Ended])).Unwrap(),
            StopScrapingAsync = async abort =>
            {
                await Task.WhenAll(jobs.Select(j => j.Scraper.StopAsync(options.Operation.FinalScrape, abort)));
                if (lease is not null)
                    await lease.ReleaseAsync(abort);
                await (self?.StopAsync(abort) ?? Task.CompletedTask);
            },
            EndQueue = queue.End,
            CountWaiting = () => queue.Count,
            DropRest = queue.DropRest,
        };
        var isGood = await lifetime.RunAsync(stop);
        foreach (var peer in peers.Values)
            peer.Dispose();
        return isGood ? ExitCode.Done : ExitCode.Failed;

        ScrapeJob Begin(JobOptions job)
        {
            var itsLog = log.OfJob(job.Scrape.Job);
            var (apiServer, targets) = (Peer(job.Kubernetes.Http), Peer(job.Scrape.Http));
            var download = new BodyDownload(targets, job.Scrape, options.Queue, bodies, time);
            return new(job, apiServer, targets, new TargetDiscovery(job, apiServer, metrics, itsLog, errors, time),
                new Scraper(job.Scrape, protocol, download, passes, budget, queue, metrics, itsLog, errors, time, stop.Token,
                    job == options.Jobs[0] ? options.IsLeft : null, lease is null ? null : () => lease.IsHeld));
        }

        void Lead(bool leads)
        {
            foreach (var job in jobs)
            {
                if (leads)
                    job.Scraper.Resume();
                else
                    job.Scraper.Suspend();
            }
        }

        SelfScrape BeginSelf(ScrapeOptions own) => new(SelfScrape.Target(options.Instance), new Scraper(own, protocol,
            new BodyDownload(receiver, own, options.Queue, bodies, time, state.WriteMetrics), passes, budget, queue, metrics, log, errors,
            time, stop.Token));

        // One for all that is asked with the same credentials and trust: connections, and the thread that reads their files.
        PeerClient Peer(HttpOptions http)
        {
            if (!peers.TryGetValue(http, out var peer))
                peers[http] = peer = new(http, maxConnectionsPerServer: 4 * options.Jobs.Length, time, log);
            return peer;
        }
    }

    private static void LogStart(Log log, ConfigurationResult configuration, Listener? listener)
    {
        log.Info("Sidecar starts", [("version", Metrics.Version), ("listen", listener?.Address),
            .. EffectiveConfiguration.WhatWasSet(configuration.Settings)]);
        foreach (var warning in configuration.Warnings)
            log.Warn(warning.ToString(), ("variable", warning.Name), ("remedy", warning.Remedy));
    }
}
