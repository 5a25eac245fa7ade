namespace Sidecar.Telemetry;

/// <summary>A loop's edge: reports unexpected exceptions, and goes on after a wait that doubles with each failure in a row.</summary>
/// <param name="loop">Whose edge.</param>
/// <param name="pulse">Beaten for the wait.</param>
/// <param name="target">Named in the report; null where the loop is not about one target.</param>
internal sealed class LoopEdge(ProcessLoop loop, InternalErrors errors, TimeProvider time, Pulse? pulse = null, Uri? target = null)
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMinutes(1);

    private TimeSpan wait = FirstWait;

    public void Passed() => wait = FirstWait;

    /// <summary>Reports an exception and waits until the next item may be tried.</summary>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public async Task FailedAsync(Exception exception, CancellationToken cancellation)
    {
        errors.Report(loop, exception, ("target", target));
        var now = wait;
        wait = wait * 2 < LongestWait ? wait * 2 : LongestWait;
        try
        {
            pulse?.Beat(now + LongestWait);
            await Task.Delay(now, time, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            await Task.Delay(now, cancellation); // the clock itself may be what fails
        }
    }
}
