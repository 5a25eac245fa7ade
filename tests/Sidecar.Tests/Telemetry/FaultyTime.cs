using System.Diagnostics;

namespace Sidecar.Tests.Telemetry;

/// <summary>
/// The system's clock, which throws where a test wants a step of a loop to fail: for the callers that are named by <see cref="Where"/>.
/// </summary>
internal sealed class FaultyTime : TimeProvider
{
    private int thrown;
    private volatile string? where;

    /// <summary>A part of a caller's name, such as <c>ScrapeLoop+&lt;ScrapeAsync&gt;</c>; null: the clock is good.</summary>
    public string? Where
    {
        get => where;
        set => where = value;
    }

    /// <summary>Times that the clock has thrown.</summary>
    public int Thrown => Volatile.Read(ref thrown);

    public override DateTimeOffset GetUtcNow()
    {
        ThrowWhereWanted();
        return base.GetUtcNow();
    }

    public override long GetTimestamp()
    {
        ThrowWhereWanted();
        return base.GetTimestamp();
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ThrowWhereWanted();
        return base.CreateTimer(callback, state, dueTime, period);
    }

    private void ThrowWhereWanted()
    {
        if (where is not { } name)
            return;
        foreach (var frame in new StackTrace(2, fNeedFileInfo: false).GetFrames())
        {
            if (frame.GetMethod() is { } method && $"{method.DeclaringType}.{method.Name}".Contains(name, StringComparison.Ordinal))
            {
                Interlocked.Increment(ref thrown);
                throw new InvalidOperationException("thrown by a test");
            }
        }
    }
}
