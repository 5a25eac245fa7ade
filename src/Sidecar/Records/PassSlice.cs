namespace Sidecar.Records;

/// <summary>How long a pass may run before others get their turn. Checked after each window; one per context.</summary>
internal sealed class PassSlice
{
    private Passes? passes; // null where a pass has its thread for itself: its slice never ends
    private long ends;

    /// <summary>The pass is to return and go on when it is called again.</summary>
    public bool IsOver => passes is not null && passes.IsOver(ends);

    /// <param name="ends">On the clock of <paramref name="pool"/>.</param>
    public void Begin(Passes pool, long ends) => (passes, this.ends) = (pool, ends);

    public void End() => passes = null;
}
