using Sidecar.Http;

namespace Sidecar.Hosting;

/// <summary>SIDECAR_KUBERNETES_LEASE: the Lease of which one of several replicas is the holder, and whom to ask for it.</summary>
internal sealed record LeaseOptions(string Namespace, string Name, Uri ApiServer, HttpOptions Http)
{
    /// <summary>The longest that a request may take is half of <see cref="LeaseTimes.Deadline"/>.</summary>
    public LeaseTimes Times { get; init; } = LeaseTimes.Usual;

    public string FullName => $"{Namespace}/{Name}";
}

/// <summary>The times of client-go's leader election.</summary>
/// <param name="Duration">Who stands by waits so long after the last renewal that it has seen.</param>
/// <param name="Deadline">The holder stops so long after its last renewal, which is earlier.</param>
/// <param name="Retry">Between two tries.</param>
internal readonly record struct LeaseTimes(TimeSpan Duration, TimeSpan Deadline, TimeSpan Retry)
{
    public static readonly LeaseTimes Usual = new(TimeSpan.FromSeconds(15), TimeSpan.FromSeconds(10), TimeSpan.FromSeconds(2));
}
