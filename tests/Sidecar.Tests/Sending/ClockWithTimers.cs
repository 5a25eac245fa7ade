using System.Collections.Concurrent;
using Microsoft.Extensions.Time.Testing;

namespace Sidecar.Tests.Sending;

/// <summary>A clock that knows what is waited for: what is announced in the log begins a moment later.</summary>
internal sealed class ClockWithTimers() : FakeTimeProvider(DateTimeOffset.UtcNow)
{
    private readonly ConcurrentDictionary<TimeSpan, bool> due = new();

    public bool HasTimer(TimeSpan wait) => due.ContainsKey(wait);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        due[dueTime] = true;
        return timer;
    }
}
