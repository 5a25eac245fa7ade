using Sidecar.Exposition;
using Sidecar.RemoteWrite;

namespace Sidecar.Scraping;

/// <summary>The buffers that one pass over a body needs: about half a megabyte, so there are few of them and they are lent.</summary>
internal sealed class PassContext(int samplesPerRequest, ReceiverProtocol? protocol = null)
{
    public SampleReader Reader { get; } = new() { Pause = PassThread.Pause };

    public SeriesEncoder Encoder { get; } = new(samplesPerRequest, protocol);
}

/// <summary>Lends contexts, at most so many at a time; the others wait.</summary>
internal sealed class PassContexts(int most, int samplesPerRequest, ReceiverProtocol protocol) : IDisposable
{
    private readonly SemaphoreSlim free = new(most);
    private readonly Stack<PassContext> idle = [];

    public async Task<PassContext> RentAsync(CancellationToken cancellation)
    {
        await free.WaitAsync(cancellation);
        lock (idle)
            return idle.TryPop(out var context) ? context : new PassContext(samplesPerRequest, protocol);
    }

    public void Return(PassContext context)
    {
        context.Reader.Dispose();
        context.Encoder.Drop();
        lock (idle)
            idle.Push(context);
        free.Release();
    }

    public void Dispose() => free.Dispose();
}
