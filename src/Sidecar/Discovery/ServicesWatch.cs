using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>Watches Services whose labels rules read. Any change, and any end but a refusal, leads to a new list.</summary>
internal sealed class ServicesWatch(
    KubernetesOptions options, ObjectClient objects, Metrics metrics, Log log, InternalErrors errors, TimeProvider time)
{
    /// <summary>However fast the labels of Services change, all is not listed more often than this for them.</summary>
    private static readonly TimeSpan LeastBetweenLists = TimeSpan.FromMilliseconds(500);

    private readonly WatchState state = new(options, metrics, log, time);
    private readonly LoopEdge edge = new(ProcessLoop.Watch, errors, time);

    public bool IsDenied => state.IsDenied;

    /// <summary>From where the list was; ends when it is time to list, or at once where there is nothing to watch. Never throws.</summary>
    /// <param name="untilList">Cancelled when it is time to list: by this watch, or by the other one.</param>
    public async Task RunAsync(ServiceLabels known, CancellationTokenSource untilList)
    {
        try
        {
            try
            {
                if (known.Version is { } from && state.MayWatch)
                    await WatchAsync(known, from, untilList);
                edge.Passed();
            }
            catch (Exception e) when (!(e is OperationCanceledException && untilList.IsCancellationRequested))
            {
                await edge.FailedAsync(e, untilList.Token);
                await untilList.CancelAsync();
            }
        }
        catch (OperationCanceledException) when (untilList.IsCancellationRequested)
        {
        }
    }

    private async Task WatchAsync(ServiceLabels known, string from, CancellationTokenSource untilList)
    {
        var began = time.GetTimestamp();
        var isChanged = false;
        var longest = options.RefreshInterval * ClusterLists.ManyIntervals;
        var answer = await objects.WatchAsync(known.Query, from, longest, Take, () => { }, untilList.Token);
        if (WatchState.IsRefusal(answer))
        {
            state.Refused(known.Query, answer);
            return;
        }
        state.NotRefused();
        if (!answer.IsGood)
            state.Failed(answer);
        if (isChanged || (answer.IsGood && time.GetElapsedTime(began) >= WatchState.LeastWatch))
        {
            state.Backoff.Reset();
            var rest = LeastBetweenLists - time.GetElapsedTime(known.Asked);
            if (rest > TimeSpan.Zero)
                await Task.Delay(rest, time, untilList.Token);
        }
        else
            await Task.Delay(state.Backoff.After(answer), time, untilList.Token);
        await untilList.CancelAsync();

        bool Take(WatchEvent change)
        {
            if (change.Type == WatchEventType.Bookmark)
                return true;
            if (change.Type == WatchEventType.Error)
                return false;
            metrics.KubernetesEvents(ObjectKind.Service).Increment(change.Type);
            isChanged = known.IsChangedBy(change);
            return !isChanged;
        }
    }
}
