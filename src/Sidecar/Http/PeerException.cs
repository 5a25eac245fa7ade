using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>A failure found in a place that can only throw: the certificate check, a redirect, a token file.</summary>
internal sealed class PeerException(Failure failure) : HttpRequestException(failure.Message)
{
    public Failure Failure { get; } = failure;
}
