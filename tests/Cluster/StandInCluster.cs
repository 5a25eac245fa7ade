namespace Cluster;

/// <summary>
/// A cluster of API servers with the Service <c>kubernetes</c> in <c>default</c>, and the folder that a pod would have mounted: token and
/// CA of a service account. One slice for each server, since each has a port of its own here.
/// </summary>
public sealed class StandInCluster : IAsyncDisposable
{
    public const string AccountName = "system:serviceaccount:sidecar:sidecar";

    private StandInCluster(string folder) => Folder = folder;

    public CertificateAuthority Authority { get; } = new();

    public ApiStore Store { get; } = new();

    public List<ApiServer> ApiServers { get; } = [];

    /// <summary>With <c>token</c> and <c>ca.crt</c>.</summary>
    public string Folder { get; }

    public string TokenFile => Path.Combine(Folder, "token");

    public string CaFile => Path.Combine(Folder, "ca.crt");

    public string Token { get; private set; } = "";

    /// <summary>
    /// What <c>src/deploy/base/sidecar.yaml</c> gives to its account: the rights that there are unless a test says otherwise.
    /// </summary>
    public static RbacRule[] ManifestRules() =>
        RbacManifest.RulesOf(File.ReadAllText(Path.Combine(SidecarBinary.RepositoryRoot, "src", "deploy", "base", "sidecar.yaml")),
        AccountName);

    public static async Task<StandInCluster> StartAsync(int apiServers = 1)
    {
        var cluster = new StandInCluster(Directory.CreateTempSubdirectory("serviceaccount").FullName);
        await File.WriteAllTextAsync(cluster.CaFile, cluster.Authority.Pem);
        for (var i = 0; i < apiServers; i++)
        {
            var server = new ApiServer(cluster.Store, cluster.Authority.Issue("127.0.0.1", "localhost", "kubernetes.default.svc"));
            await server.StartAsync();
            cluster.ApiServers.Add(server);
            cluster.Announce(server);
        }
        cluster.RotateToken(ManifestRules());
        return cluster;
    }

    /// <summary>The Service has this server among its endpoints.</summary>
    public void Announce(ApiServer server)
    {
        Store.SetSlice("default", SliceName(server), "kubernetes", ["127.0.0.1"], server.Port);
        SetEndpoints(ApiServers.Append(server).Distinct());
    }

    public void Withdraw(ApiServer server)
    {
        Store.Remove("endpointslices", "default", SliceName(server));
        SetEndpoints(ApiServers.Where(s => s != server));
    }

    /// <summary>A new token with these rights; the one before is no longer known.</summary>
    public void RotateToken(params RbacRule[] rules)
    {
        var old = Token;
        Token = $"token-{Guid.NewGuid():N}";
        foreach (var server in ApiServers)
            server.Tokens[Token] = new Account(AccountName, rules);
        File.WriteAllText(TokenFile + ".new", Token);
        File.Move(TokenFile + ".new", TokenFile, overwrite: true);
        foreach (var server in ApiServers)
            server.Tokens.TryRemove(old, out _);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in ApiServers)
            await server.DisposeAsync();
        Authority.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    private static string SliceName(ApiServer server) => $"kubernetes-{server.Port}";

    private void SetEndpoints(IEnumerable<ApiServer> servers) =>
        Store.SetEndpoints("default", "kubernetes", servers.Select(s => ("127.0.0.1", s.Port)));
}
