namespace Sidecar.Sending;

/// <summary>
/// How many requests one receiver may be sent because it refuses others: at most 60 in any minute. A search in which it took nothing at all
/// was futile, and then the next one has to wait: a minute, two, four, up to 30, until some search finds something. Safe from any thread.
/// </summary>
internal sealed class RefusalBudget(TimeProvider time)
{
    public const int MostPerMinute = 60;

    private const int MostWaitMinutes = 30;

    /// <summary>Searches take milliseconds, unless the receiver hangs in the middle of one.</summary>
    private static readonly TimeSpan MostPatience = TimeSpan.FromSeconds(10);

    private readonly TimeProvider time = time;
    private readonly Lock gate = new();
    private readonly Queue<long> spent = new(MostPerMinute); // when, of the last minute
    private TaskCompletionSource anyEnd = new(TaskCreationOptions.RunContinuationsAsynchronously); // of a search; another one for each
    private int reserved;
    private int futile;
    private long searchFrom = long.MinValue;

    /// <summary>Null where no search may begin now. Waits a while for what running searches reserved and may not need.</summary>
    /// <param name="requests">Are set aside, so that a search which begins can end.</param>
    public async Task<Allowance?> BeginAsync(int requests, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        while (true)
        {
            Task end;
            lock (gate)
            {
                if (!IsOpen(requests))
                    return null;
                if (Left() >= requests)
                {
                    reserved += requests;
                    return new Allowance(this, requests);
                }
                end = anyEnd.Task;
            }
            var patience = MostPatience - time.GetElapsedTime(began);
            if (patience <= TimeSpan.Zero)
                return null;
            await Task.WhenAny(end, Task.Delay(patience, time, cancellation));
            cancellation.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A search that may need so many would begin now, or after a wait for others.</summary>
    public bool MayBegin(int requests)
    {
        lock (gate)
            return IsOpen(requests);
    }

    /// <summary>For requests that no search needs.</summary>
    public bool TrySpend(int requests)
    {
        lock (gate)
        {
            if (Left() < requests)
                return false;
            Spend(requests);
            return true;
        }
    }

    private bool IsOpen(int requests) => time.GetTimestamp() >= searchFrom && Left() + reserved >= requests;

    private int Left()
    {
        var now = time.GetTimestamp();
        while (spent.TryPeek(out var oldest) && time.GetElapsedTime(oldest, now) >= TimeSpan.FromMinutes(1))
            spent.Dequeue();
        return MostPerMinute - spent.Count - reserved;
    }

    private void Spend(int requests)
    {
        for (; requests > 0; requests--)
            spent.Enqueue(time.GetTimestamp());
    }

    /// <summary>What one search may spend. Ended by whoever began it.</summary>
    public sealed class Allowance(RefusalBudget budget, int own) : IDisposable
    {
        private int own = own;
        private bool? wasFutile;

        /// <summary>From what was set aside, and beyond that while the budget lasts.</summary>
        public bool TrySpend(int requests)
        {
            lock (budget.gate)
            {
                var fromOwn = Math.Min(own, requests);
                if (budget.Left() + fromOwn < requests)
                    return false;
                own -= fromOwn;
                budget.reserved -= fromOwn;
                budget.Spend(requests);
                return true;
            }
        }

        /// <summary>The search is over. One that was cut short says nothing.</summary>
        public void End(bool isFutile) => wasFutile = isFutile;

        public void Dispose()
        {
            lock (budget.gate)
            {
                budget.anyEnd.SetResult();
                budget.anyEnd = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                budget.reserved -= own;
                own = 0;
                var now = budget.time.GetTimestamp();
                if (wasFutile == false)
                    (budget.futile, budget.searchFrom) = (0, long.MinValue);
                else if (wasFutile == true && now >= budget.searchFrom) // else another one at the same time has said so
                {
                    var minutes = Math.Min(1 << Math.Min(budget.futile++, 10), MostWaitMinutes);
                    budget.searchFrom = now + minutes * 60 * budget.time.TimestampFrequency;
                }
            }
        }
    }
}
