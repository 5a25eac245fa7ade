using System.Runtime.ExceptionServices;
using Sidecar.Discovery;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Scraping;

/// <summary>The targets of one job: a scrape loop for each that discovery names.</summary>
/// <param name="budget">Shared by all jobs.</param>
/// <param name="isLeft">Whether a job is configured no more, so that this one ends its targets.</param>
/// <param name="mayScrape">Asked before each scrape; given, nothing is scraped before <see cref="Resume"/>. Null where this process is
/// alone.</param>
internal sealed class Scraper(
    ScrapeOptions options, ReceiverProtocol protocol, BodyDownload download, Passes passes, HeldBudget budget, ScrapeQueue queue,
    Metrics metrics, Log log, InternalErrors errors, TimeProvider time, CancellationToken cancellation, Predicate<string>? isLeft = null,
    Func<bool>? mayScrape = null)
{
    /// <summary>Up to so many targets are scraped the moment they are known: nobody waits an interval for the first data.</summary>
    private const int FewTargets = 10;

    /// <summary>A target that cannot be begun is tried so often, and then left out.</summary>
    private const int MostBegins = 3;

    private readonly TaskCompletionSource ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly Dictionary<string, (ScrapeLoop Loop, Task Run)> loops = [];
    private readonly Dictionary<string, int> failedBegins = []; // under the lock of the loops
    private ImmutableArray<Target>? latest; // likewise
    private CancellationTokenSource? term = mayScrape is null ? CancellationTokenSource.CreateLinkedTokenSource(cancellation) : null;

    /// <summary>Fails when a loop could not go on, a bug: its target would be without scrapes in silence.</summary>
    public Task Ended => ended.Task;

    /// <summary>The targets of now; also those that are gone but not yet ended.</summary>
    public ImmutableArray<ScrapeLoop> Loops { get { lock (loops) return [.. loops.Values.Select(l => l.Loop)]; } }

    /// <summary>This process scrapes from now on: what discovery has is begun.</summary>
    public void Resume()
    {
        ImmutableArray<Target>? known;
        lock (loops)
        {
            term ??= CancellationTokenSource.CreateLinkedTokenSource(cancellation);
            known = latest;
        }
        try
        {
            if (known is { } targets)
                Update(targets);
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.Scrape, e); // all others were begun
        }
    }

    /// <summary>Another process scrapes from now on: all loops end, and their series go on there without markers.</summary>
    public void Suspend()
    {
        CancellationTokenSource? ending;
        (ScrapeLoop Loop, Task Run)[] all;
        lock (loops)
        {
            (ending, term) = (term, null);
            all = [.. loops.Values];
            loops.Clear();
            failedBegins.Clear();
        }
        ending?.Cancel();
        foreach (var (loop, run) in all)
            run.ContinueWith(_ => loop.Dispose(), TaskScheduler.Default);
    }

    /// <summary>Discovery has these targets now. New ones are begun; those that are missing end after two intervals.</summary>
    /// <exception cref="Exception">A target could not be begun, a bug; all others were. The same set may be given again.</exception>
    public void Update(ImmutableArray<Target> targets)
    {
        var limitFailure = CheckLimit(targets.Length);
        Exception? failed = null;
        lock (loops)
        {
            latest = targets;
            if (term is null)
                return;
            var keys = targets.Select(t => t.Key).ToHashSet();
            foreach (var key in failedBegins.Keys.Where(k => !keys.Contains(k)).ToArray())
                failedBegins.Remove(key);
            foreach (var target in queue.TakeRemembered(IsOurs))
            {
                // Known from before and gone meanwhile: its series end as if it had left just now.
                if (!keys.Contains(target.Key) && !loops.ContainsKey(target.Key))
                    Begin(target, atOnce: false, isGone: true);
            }
            foreach (var (key, (loop, _)) in loops)
                loop.IsGone = !keys.Contains(key);
            foreach (var target in targets)
            {
                if (loops.TryGetValue(target.Key, out var known))
                    known.Loop.Rediscover(target, limitFailure);
                else
                    Begin(target, targets.Length <= FewTargets, isGone: false);
            }
        }
        if (failed is not null)
            ExceptionDispatchInfo.Throw(failed);

        void Begin(Target target, bool atOnce, bool isGone)
        {
            var failures = failedBegins.GetValueOrDefault(target.Key);
            if (failures == MostBegins)
                return;
            try
            {
                var loop = new ScrapeLoop(target, atOnce, options, protocol, download, passes, budget, queue, metrics, log, errors,
                    time, mayScrape) { IsGone = isGone };
                loop.Rediscover(target, limitFailure);
                loops.Add(target.Key, (loop, RunAsync(loop, term.Token)));
                failedBegins.Remove(target.Key);
            }
            catch (Exception e)
            {
                failed = e;
                failedBegins[target.Key] = failures + 1;
                if (failures + 1 == MostBegins)
                    log.Error("A target cannot be scraped, and is left out until discovery names it anew", ("target", target.Url),
                        ("error", e), ("remedy", "report it with this line and those before it"));
            }
        }
    }

    private bool IsOurs(Target target) => target.Job == options.Job || isLeft?.Invoke(target.Job) == true;

    /// <summary>As Prometheus: one target too many, and no target of the pool is scraped, since nobody can say which ones are.</summary>
    private Failure CheckLimit(int count)
    {
        if (options.TargetLimit == 0 || count <= options.TargetLimit)
            return default;
        metrics.ExceededTargetLimit.Increment();
        return new Failure(FailureReason.TargetLimit,
            $"there are {count} targets, and the limit is {options.TargetLimit}: none is scraped");
    }

    /// <summary>Ends when all loops have, each after a last scrape if asked for, or at <paramref name="abort"/>. Never throws.</summary>
    /// <param name="abort">Cuts the last scrapes short.</param>
    /// <param name="ends">The series end with the process; else the next one goes on with them.</param>
    public async Task StopAsync(bool finalScrape, CancellationToken abort, bool ends = false)
    {
        (ScrapeLoop Loop, Task Run)[] all;
        lock (loops)
            all = [.. loops.Values];
        await Task.WhenAll(all.Select(async l =>
        {
            try
            {
                await l.Run.WaitAsync(abort);
                if (finalScrape)
                    await l.Loop.FinishAsync(abort).WaitAsync(abort);
                if (ends)
                    await l.Loop.EndAsync().WaitAsync(abort);
                l.Loop.Dispose();
            }
            catch (OperationCanceledException) when (abort.IsCancellationRequested)
            {
                // What a loop that hangs holds, the end of the process frees.
            }
            catch (Exception e)
            {
                errors.Report(ProcessLoop.Scrape, e, ("target", l.Loop.Target.Url));
            }
        }));
    }

    private async Task RunAsync(ScrapeLoop loop, CancellationToken cancellation)
    {
        await Task.Yield();
        try
        {
            await loop.RunAsync(TryLeave, cancellation);
            loop.Dispose();
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // StopAsync or Suspend lets go of it
        }
        catch (Exception e)
        {
            ended.TrySetException(e);
        }
    }

    private bool TryLeave(ScrapeLoop loop, out bool isReplaced)
    {
        lock (loops)
        {
            isReplaced = loops.Values.Any(l => !l.Loop.IsGone && l.Loop.Target.Labels.SequenceEqual(loop.Target.Labels));
            return loop.IsGone && loops.Remove(loop.Target.Key);
        }
    }
}
