using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>Lends contexts: as many as there are passes in progress, and a few are kept for the next ones. Safe from any thread.</summary>
internal sealed class PassContexts(int samplesPerRequest, ReceiverProtocol? protocol)
{
    /// <summary>One for the passes after downloads, and one for what is sent.</summary>
    private const int MostIdle = 2;

    private readonly Stack<PassContext> idle = []; // under its own lock; whoever has taken one out has it alone

    public PassContext Lend()
    {
        lock (idle)
        {
            if (idle.TryPop(out var context))
                return context;
        }
        return new PassContext(samplesPerRequest, protocol);
    }

    /// <summary>Not for a context whose pass has thrown: nobody knows what state it is in.</summary>
    public void Return(PassContext context)
    {
        context.Reader.Dispose();
        context.Encoder.Drop();
        lock (idle)
        {
            if (idle.Count < MostIdle)
                idle.Push(context);
        }
    }
}
