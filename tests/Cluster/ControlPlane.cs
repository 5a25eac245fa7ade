using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Logging;

namespace Cluster;

/// <summary>
/// What stands beside an API server on a node of kubeadm's: controller manager and scheduler, over TLS with certificates that nobody
/// vouches for and for accounts that may read <c>/metrics</c>; etcd, over plain HTTP for everybody.
/// </summary>
public sealed class ControlPlane : IAsyncDisposable
{
    private readonly CertificateAuthority unknown = new();
    private readonly ApiServer controllerManager;
    private readonly ApiServer scheduler;
    private readonly TargetBehaviour etcdMetrics = new();
    private WebApplication? etcd;

    private ControlPlane(StandInCluster cluster)
    {
        controllerManager = new ApiServer(cluster.Store, unknown.Issue("localhost"));
        scheduler = new ApiServer(cluster.Store, unknown.Issue("localhost"));
        foreach (var server in new[] { controllerManager, scheduler })
            server.Tokens[cluster.Token] = new Account(StandInCluster.AccountName, RbacRule.MetricsPath);
        Serve(controllerManager.Metrics, scrape => $$"""
            # TYPE workqueue_adds_total counter
            workqueue_adds_total{name="deployment"} {{scrape * 7}}
            workqueue_adds_total{name="node_lifecycle_controller"} {{scrape * 2}}
            # TYPE workqueue_depth gauge
            workqueue_depth{name="deployment"} {{scrape % 3}}

            """);
        Serve(scheduler.Metrics, scrape => $$"""
            # TYPE scheduler_pending_pods gauge
            scheduler_pending_pods{queue="active"} {{scrape % 4}}
            # TYPE scheduler_schedule_attempts_total counter
            scheduler_schedule_attempts_total{profile="default-scheduler",result="scheduled"} {{scrape * 3}}

            """);
        Serve(etcdMetrics, scrape => $$"""
            # TYPE etcd_server_has_leader gauge
            etcd_server_has_leader 1
            # TYPE etcd_server_proposals_committed_total gauge
            etcd_server_proposals_committed_total {{scrape * 120}}

            """);
    }

    /// <summary>What the etcd was sent to authenticate: empty for nothing.</summary>
    public string EtcdAuthorization => etcdMetrics.LastHeaders.GetValueOrDefault("Authorization", "");

    /// <summary>Of all three.</summary>
    public int Scrapes => controllerManager.Metrics.Scrapes + scheduler.Metrics.Scrapes + etcdMetrics.Scrapes;

    public static async Task<ControlPlane> StartAsync(StandInCluster cluster)
    {
        var plane = new ControlPlane(cluster);
        await plane.controllerManager.StartAsync();
        await plane.scheduler.StartAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        plane.etcd = builder.Build();
        plane.etcd.Run(plane.etcdMetrics.AnswerAsync);
        await plane.etcd.StartAsync();
        return plane;
    }

    /// <summary>The jobs beside the API servers': their profiles, but with the ports that are free here.</summary>
    /// <param name="tokenFile">For an address that is set by hand no token is sent unless it is set too.</param>
    public IEnumerable<KeyValuePair<string, string>> Variables(string tokenFile) =>
    [
        new("SIDECAR_JOBS", "apiserver,kube-controller-manager,kube-scheduler,etcd"),
        new("SIDECAR_KUBE_CONTROLLER_MANAGER__TARGETS", Address(controllerManager.Port)),
        new("SIDECAR_KUBE_CONTROLLER_MANAGER__AUTHORIZATION_CREDENTIALS_FILE", tokenFile),
        new("SIDECAR_KUBE_SCHEDULER__TARGETS", Address(scheduler.Port)),
        new("SIDECAR_KUBE_SCHEDULER__AUTHORIZATION_CREDENTIALS_FILE", tokenFile),
        new("SIDECAR_ETCD__TARGETS", new Uri(etcd!.Urls.First()).Authority),
    ];

    public async ValueTask DisposeAsync()
    {
        await controllerManager.DisposeAsync();
        await scheduler.DisposeAsync();
        if (etcd is not null)
            await etcd.DisposeAsync();
        unknown.Dispose();
    }

    private static string Address(int port) => $"127.0.0.1:{port.ToString(CultureInfo.InvariantCulture)}";

    private static void Serve(TargetBehaviour behaviour, Func<int, string> text) =>
        behaviour.Gzip = scrape => TargetBehaviour.Compress(Encoding.UTF8.GetBytes(text(scrape).ReplaceLineEndings("\n")));
}
