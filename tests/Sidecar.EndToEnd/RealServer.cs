using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Sidecar.EndToEnd;

/// <summary>A real server of the field, from Debian's packages, on a loopback port and a folder of its own.</summary>
public sealed class RealServer : IAsyncDisposable
{
    private static readonly ConcurrentDictionary<int, bool> Given = new();

    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };
    private readonly Process process;
    private readonly string folder;
    private readonly List<string> log = [];

    private RealServer(Process process, string folder, int port)
    {
        this.process = process;
        this.folder = folder;
        Port = port;
        process.OutputDataReceived += (_, e) => Keep(e.Data);
        process.ErrorDataReceived += (_, e) => Keep(e.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public int Port { get; }

    public Uri Address => new($"http://127.0.0.1:{Port}/");

    /// <summary>Prometheus with its remote-write receiver on.</summary>
    public static Task<RealServer> PrometheusAsync() => StartAsync("prometheus", "prometheus", async (folder, port) =>
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), "global: {scrape_interval: 1h}\n");
        return ["--config.file=" + Path.Combine(folder, "prometheus.yml"), "--storage.tsdb.path=" + Path.Combine(folder, "data"),
            $"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver",
            "--enable-feature=native-histograms,exemplar-storage", "--log.level=warn"];
    }, "-/ready");

    /// <summary>The same, with rules, and with scrapes of its own; intervals in a second.</summary>
    public static Task<RealServer> PrometheusAsync(string rules, string job, string address, string labels) =>
        StartAsync("prometheus", "prometheus", async (folder, port) =>
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "rules.yaml"), rules);
            await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), $$"""
                global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
                rule_files: [rules.yaml]
                scrape_configs:
                - job_name: {{job}}
                  static_configs: [{targets: ['{{address}}'], labels: {{labels}}}]
                """);
            return ["--config.file=" + Path.Combine(folder, "prometheus.yml"), "--storage.tsdb.path=" + Path.Combine(folder, "data"),
                $"--web.listen-address=127.0.0.1:{port}", "--web.enable-remote-write-receiver", "--log.level=warn"];
        }, "-/ready");

    /// <summary>Prometheus in agent mode: scrapes these addresses as job <c>j</c> and sends what it finds.</summary>
    public static Task<RealServer> PrometheusAgentAsync(IEnumerable<string> addresses, Uri write, string scrapeOptions) =>
        StartAsync("prometheus", "prometheus", async (folder, port) =>
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), $"""
                global: {"{"}scrape_interval: 1s, scrape_timeout: 1s{"}"}
                scrape_configs:
                - job_name: j
                  static_configs: [{"{"}targets: [{string.Join(", ", addresses.Select(a => $"'{a}'"))}]{"}"}]
                  {scrapeOptions}
                remote_write:
                - url: {write}
                  queue_config: {"{"}batch_send_deadline: 200ms{"}"}
                """);
            return ["--enable-feature=agent", "--config.file=" + Path.Combine(folder, "prometheus.yml"),
                "--storage.agent.path=" + Path.Combine(folder, "data"), $"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"];
        }, "-/ready");

    /// <summary>Prometheus in agent mode with this configuration.</summary>
    public static Task<RealServer> PrometheusAgentAsync(string configuration) =>
        StartAsync("prometheus", "prometheus", async (folder, port) =>
    {
        await File.WriteAllTextAsync(Path.Combine(folder, "prometheus.yml"), configuration);
        return ["--enable-feature=agent", "--config.file=" + Path.Combine(folder, "prometheus.yml"),
            "--storage.agent.path=" + Path.Combine(folder, "data"), $"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"];
    }, "-/ready");

    public static Task<RealServer> VictoriaMetricsAsync() => StartAsync("victoria-metrics", "victoria-metrics", (folder, port) =>
        Task.FromResult<string[]>(["-storageDataPath=" + Path.Combine(folder, "data"), $"-httpListenAddr=127.0.0.1:{port}",
            "-search.latencyOffset=0s", "-search.disableCache", "-retentionPeriod=1y", "-loggerLevel=WARN"]), "health");

    /// <summary>
    /// VictoriaMetrics that finds targets in all of a cluster and hardly ever scrapes them: a job for each role, named after it.
    /// </summary>
    public static Task<RealServer> VictoriaMetricsDiscoveringAsync(Uri apiServer, string tokenFile, string caFile, params string[] roles) =>
        StartAsync("victoria-metrics", "victoria-metrics", async (folder, port) =>
        {
            var jobs = roles.Select(role => $"""
                - job_name: {role}
                  scrape_interval: 1h
                  kubernetes_sd_configs:
                  - role: {role}
                    api_server: {apiServer}
                    tls_config: {"{"}ca_file: {caFile}{"}"}
                    authorization: {"{"}credentials_file: {tokenFile}{"}"}
                """);
            await File.WriteAllTextAsync(Path.Combine(folder, "scrape.yml"), $"scrape_configs:\n{string.Join('\n', jobs)}\n");
            return ["-promscrape.config=" + Path.Combine(folder, "scrape.yml"), "-storageDataPath=" + Path.Combine(folder, "data"),
                $"-httpListenAddr=127.0.0.1:{port}", "-loggerLevel=WARN", "-promscrape.kubernetesSDCheckInterval=1s"];
        }, "health");

    /// <summary>An HTTP proxy that wants user and password, and takes no more than so many clients.</summary>
    /// <param name="port">Where it listens; null for any port.</param>
    public static Task<RealServer> TinyproxyAsync(string password, int? port = null) =>
        StartAsync("tinyproxy", "tinyproxy-bin", async (folder, free) =>
        {
            var file = Path.Combine(folder, "tinyproxy.conf");
            await File.WriteAllTextAsync(file, $"""
                Port {free}
                Listen 127.0.0.1
                Timeout 60
                MaxClients 20
                LogLevel Warning
                BasicAuth user {password}

                """);
            return ["-d", "-c", file];
        }, null, port);

    /// <summary>etcd, whose /metrics stand behind TLS on <see cref="Port"/>.</summary>
    public static Task<RealServer> EtcdAsync(string certificateFile, string keyFile) => StartAsync("etcd", "etcd-server", (folder, port) =>
    {
        var (client, peer) = (FreePort(), FreePort());
        return Task.FromResult<string[]>(["--data-dir", Path.Combine(folder, "data"), "--listen-client-urls", $"http://127.0.0.1:{client}",
            "--advertise-client-urls", $"http://127.0.0.1:{client}", "--listen-peer-urls", $"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", $"http://127.0.0.1:{peer}", "--initial-cluster", $"default=http://127.0.0.1:{peer}",
            "--listen-metrics-urls", $"https://127.0.0.1:{port}", "--cert-file", certificateFile, "--key-file", keyFile, "--log-level",
            "error"]);
    }, null);

    /// <summary>An instant query of Prometheus's API: the value of each series found, by its labels in order.</summary>
    public async Task<Dictionary<string, string>> QueryAsync(string query, DateTimeOffset? at = null)
    {
        var time = at is { } t ? $"&time={t.ToUnixTimeMilliseconds() / 1000.0:F3}" : "";
        var answer = await Http.GetStringAsync(new Uri(Address, $"api/v1/query?query={Uri.EscapeDataString(query)}{time}&nocache=1"));
        using var json = JsonDocument.Parse(answer);
        return json.RootElement.GetProperty("data").GetProperty("result").EnumerateArray().ToDictionary(
            r => string.Join(',', r.GetProperty("metric").EnumerateObject().Select(l => $"{l.Name}={l.Value}")
            .Order(StringComparer.Ordinal)),
            r => r.GetProperty("value")[1].GetString()!);
    }

    /// <summary>Of each rule its name and what is wrong with it; empty where it is well.</summary>
    public async Task<List<(string Name, string Error)>> RulesAsync()
    {
        using var json = JsonDocument.Parse(await Http.GetStringAsync(new Uri(Address, "api/v1/rules")));
        return [.. json.RootElement.GetProperty("data").GetProperty("groups").EnumerateArray()
            .SelectMany(g => g.GetProperty("rules").EnumerateArray())
            .Select(r => (r.GetProperty("name").GetString()!, r.GetProperty("health").GetString() == "ok" ? ""
                : r.TryGetProperty("lastError", out var error) ? error.GetString()! : r.GetProperty("health").GetString()!))];
    }

    /// <summary>The exemplars of a series: labels, value and milliseconds since the Unix epoch.</summary>
    public async Task<List<string>> ExemplarsAsync(string query)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var answer = await Http.GetStringAsync(
            new Uri(Address, $"api/v1/query_exemplars?query={Uri.EscapeDataString(query)}&start={now - 3600}&end={now + 3600}"));
        using var json = JsonDocument.Parse(answer);
        return [.. json.RootElement.GetProperty("data").EnumerateArray().SelectMany(s => s.GetProperty("exemplars").EnumerateArray())
            .Select(e =>
            $"{string.Join(',', e.GetProperty("labels").EnumerateObject().Select(l => $"{l.Name}={l.Value}"))} {e.GetProperty("value")} @{e.GetProperty("timestamp").GetDouble() * 1000:F0}")];
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill();
        await process.WaitForExitAsync();
        process.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>
    /// Below those that the system gives by itself to listeners and clients: nobody gets it before the server does, and no test twice.
    /// </summary>
    public static int FreePort()
    {
        while (true)
        {
            var port = Random.Shared.Next(15_000, 30_000);
            if (!Given.TryAdd(port, true))
                continue;
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Somebody else's.
            }
        }
    }

    private static async Task<RealServer> StartAsync(
        string command, string package, Func<string, int, Task<string[]>> arguments, string? readyPath, int? atPort = null)
    {
        var path = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Append("/usr/bin").Append("/usr/sbin")
            .Select(p => Path.Combine(p, command)).FirstOrDefault(File.Exists);
        Assert.SkipWhen(path is null, $"{command} is not installed (Debian's package {package})");
        var folder = Directory.CreateTempSubdirectory("sidecar-" + command).FullName;
        var port = atPort ?? FreePort();
        var start = new ProcessStartInfo(path!, await arguments(folder, port)) { RedirectStandardError = true,
            RedirectStandardOutput = true, WorkingDirectory = folder };
        var server = new RealServer(Process.Start(start)!, folder, port);
        await Eventually.TrueAsync(() => server.IsReadyAsync(readyPath), () => $"{command} is not ready:\n{server.Lines()}");
        return server;
    }

    private async Task<bool> IsReadyAsync(string? path)
    {
        Assert.False(process.HasExited, $"the server ended:\n{Lines()}");
        try
        {
            if (path is not null)
                return (await Http.GetAsync(new Uri(Address, path))).IsSuccessStatusCode;
            using var client = new TcpClient();
            await client.ConnectAsync(IPAddress.Loopback, Port);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException or SocketException)
        {
            return false;
        }
    }

    private void Keep(string? line)
    {
        lock (log)
            log.Add(line ?? "");
    }

    private string Lines()
    {
        lock (log)
            return string.Join('\n', log);
    }
}
