using Sidecar.Http;
using Sidecar.Requests;

namespace Sidecar.Sending;

/// <summary>SIDECAR_REMOTE_WRITE_….</summary>
internal sealed record RemoteWriteOptions
{
    /// <summary>Without user and password: those are basic authentication in <see cref="Http"/>.</summary>
    public required Uri Url { get; init; }

    public WriteProtocol Protocol { get; init; }
    public required ImmutableArray<KeyValuePair<string, string>> Headers { get; init; }
    public required HttpOptions Http { get; init; }
    public required TimeSpan Timeout { get; init; }
    public required int MaxSamplesPerSend { get; init; }
    public required int Concurrency { get; init; }
    public required TimeSpan MinBackoff { get; init; }
    public required TimeSpan MaxBackoff { get; init; }
}
