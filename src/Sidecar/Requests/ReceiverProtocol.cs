namespace Sidecar.Requests;

/// <summary>Of the remote write specification.</summary>
internal enum WriteVersion
{
    /// <summary>1.0: <c>prometheus.WriteRequest</c>.</summary>
    One,

    /// <summary>2.0: <c>io.prometheus.write.v2.Request</c>.</summary>
    Two,
}

/// <summary>The version of requests. Unless configured, 2.0 until the receiver lacks it, then 1.0 for good. Atomic.</summary>
internal sealed class ReceiverProtocol(WriteProtocol wanted)
{
    private volatile int settled = wanted == WriteProtocol.Auto ? 0 : (int)wanted;

    public ReceiverProtocol()
        : this(WriteProtocol.One)
    {
    }

    public WriteVersion Current => settled == (int)WriteProtocol.One ? WriteVersion.One : WriteVersion.Two;

    /// <summary>The receiver has shown what it understands, or it does not matter.</summary>
    public bool IsSettled => settled != 0;

    /// <summary>The receiver may turn out to lack 2.0.</summary>
    public bool MayFallBack => wanted == WriteProtocol.Auto && settled != (int)WriteProtocol.One;

    /// <summary>It understood 2.0. True for the first time.</summary>
    public bool Confirm() => Interlocked.CompareExchange(ref settled, (int)WriteProtocol.Two, 0) == 0;

    /// <summary>It lacks 2.0, or has lost it. True for the first time.</summary>
    public bool FallBack() => Interlocked.Exchange(ref settled, (int)WriteProtocol.One) != (int)WriteProtocol.One;
}
