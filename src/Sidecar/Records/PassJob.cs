using System.Diagnostics.CodeAnalysis;

namespace Sidecar.Records;

/// <summary>One slice of work: false when the slice is over, and the next call goes on. Called by one thread at a time.</summary>
internal delegate bool PassStep<T>([MaybeNullWhen(false)] out T result);

/// <summary>A pass in the pool: waiting, running or put aside.</summary>
internal abstract class PassJob(PassContext? context)
{
    /// <summary>Null until the pool lends one for the first slice.</summary>
    public PassContext? Context { get; set; } = context;

    /// <summary>The context is the pool's.</summary>
    public bool IsLent { get; } = context is null;

    public bool IsBegun { get; set; }

    /// <summary>It is among those that were put aside.</summary>
    public bool HasTurn { get; set; }

    /// <summary>Work of its present turn among them, on the clock of the pool.</summary>
    public long Turn { get; set; }

    public abstract bool Advance();

    /// <summary>Hands the result, or what went wrong, to the caller.</summary>
    public abstract void Complete(Exception? error);
}

/// <summary>A pass with its caller.</summary>
internal sealed class PassJob<T>(Func<PassContext, PassStep<T>> begin, PassContext? context) : PassJob(context)
{
    private readonly TaskCompletionSource<T> caller = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private PassStep<T>? step;
    private T? result;

    public Task<T> Task => caller.Task;

    public override bool Advance()
    {
        step ??= begin(Context!);
        return step(out result);
    }

    public override void Complete(Exception? error)
    {
        if (error is null)
            caller.TrySetResult(result!);
        else
            caller.TrySetException(error);
    }
}
