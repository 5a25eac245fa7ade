using System.Net;
using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Http;

namespace Sidecar.Commands;

/// <summary>Whether the lease can be read, and who holds it. It is not taken.</summary>
internal static class LeaseCheck
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    public static async Task<CheckStep> RunAsync(LeaseOptions options, TimeProvider time, CancellationToken cancellation)
    {
        const string Name = "lease";
        using var client = new PeerClient(options.Http, maxConnectionsPerServer: 1, time);
        var answer = await new LeaseClient(options, client, time).GetAsync(Timeout, cancellation);
        if (answer.Record is { } lease)
            return new(Name, CheckStatus.Ok, lease.Holder.Length == 0 ? $"{options.FullName} is held by nobody"
                : $"{options.FullName} is held by {lease.Holder}");
        if (answer.Status == HttpStatusCode.NotFound)
            return new(Name, CheckStatus.Ok, $"{options.FullName} is not there yet, and is made by the first that asks for it");
        if (answer.Status != HttpStatusCode.Forbidden)
            return CheckStep.Failed(Name, answer.Failure, Advice.For(CheckPeer.ApiServer, answer.Failure));
        var user = Advice.User(answer.Failure.Message);
        return new(Name, CheckStatus.Failed, answer.Failure.Message,
            new($"{user ?? "the account"} may not read the Lease of {Variables.KubernetesLease.Name}",
                "add this rule; the manifests of src/deploy/ha have it"), answer.Failure.Reason)
        {
            Paste = RbacRules.ForLease(options.Namespace, options.Name, user),
        };
    }
}
