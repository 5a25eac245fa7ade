using System.Diagnostics;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>What a peer has to do: scrape these ports of the loopback address over TLS, and write to this receiver.</summary>
/// <param name="Interval">Seconds.</param>
/// <param name="Folder">Its own; what it keeps there outlives it.</param>
internal sealed record PeerJob(int[] Ports, string TokenFile, string CaFile, int Interval, string ReceiverUrl, string Folder);

/// <summary>A program that can do the sidecar's job, or the sidecar.</summary>
/// <param name="Binary">Null where it is not installed.</param>
/// <param name="Command">Arguments and environment for a job.</param>
internal sealed record Peer(string Name, string? Binary,
    Func<PeerJob, (string[] Arguments, Dictionary<string, string> Environment)> Command)
{
    public static Peer[] All(string sidecar) =>
    [
        Sidecar("sidecar", sidecar),
        new("Prometheus, agent mode", Find("PROMETHEUS", "prometheus"), Prometheus),
        new("vmagent, stream parsing", Find("VMAGENT", "vmagent"), Vmagent),
    ];

    public static Peer Sidecar(string name, string binary, Func<PeerJob, string>? queueDirectory = null) => new(name, binary, job =>
    {
        var environment = SidecarRun.Environment(job, SidecarRun.FreePort());
        if (queueDirectory is not null)
            environment["SIDECAR_QUEUE_DIRECTORY"] = queueDirectory(job);
        return ([], environment);
    });

    public Process Start(PeerJob job)
    {
        var (arguments, environment) = Command(job);
        return Start(Binary!, arguments, environment, job.Folder);
    }

    public static Process Start(string binary, string[] arguments, Dictionary<string, string> environment, string folder)
    {
        var start = new ProcessStartInfo(binary, arguments) { RedirectStandardError = true, RedirectStandardOutput = true,
            WorkingDirectory = folder };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        var process = Process.Start(start)!;
        _ = process.StandardError.ReadToEndAsync();
        _ = process.StandardOutput.ReadToEndAsync();
        return process;
    }

    public async Task<string> VersionAsync()
    {
        var start = new ProcessStartInfo(Binary!,
            [Name.StartsWith("sidecar", StringComparison.Ordinal) ? "version" : "--version"]) { RedirectStandardOutput = true,
            RedirectStandardError = true };
        using var process = Process.Start(start)!;
        var said = await process.StandardOutput.ReadToEndAsync() + await process.StandardError.ReadToEndAsync();
        var version = Regex.Match(said, @"\d+\.\d+(\.\d+)?").Value;
        return version.Length > 0 ? version : await PackageVersionAsync("victoria-metrics"); // Debian's vmagent does not know its own
    }

    private static async Task<string> PackageVersionAsync(string package)
    {
        try
        {
            using var process = Process.Start(
                new ProcessStartInfo("dpkg-query", ["-W", "-f", "${Version}", package]) { RedirectStandardOutput = true })!;
            return (await process.StandardOutput.ReadToEndAsync()).Split('+')[0];
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "";
        }
    }

    public static string? Find(string variable, string command) =>
        Environment.GetEnvironmentVariable(variable) ??
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/bin")
        .Select(p => Path.Combine(p, command)).FirstOrDefault(File.Exists);

    private static (string[], Dictionary<string, string>) Prometheus(PeerJob job)
    {
        var file = Path.Combine(job.Folder, "prometheus.yml");
        File.WriteAllText(file, $"{ScrapeConfig(job)}remote_write:\n  - url: {job.ReceiverUrl}\n");
        return (["--enable-feature=agent", "--config.file=" + file, "--storage.agent.path=" + Path.Combine(job.Folder, "agent"),
            $"--web.listen-address=127.0.0.1:{SidecarRun.FreePort()}"], []);
    }

    private static (string[], Dictionary<string, string>) Vmagent(PeerJob job)
    {
        var file = Path.Combine(job.Folder, "scrape.yml");
        File.WriteAllText(file, ScrapeConfig(job));
        return (["-promscrape.config=" + file, "-remoteWrite.url=" + job.ReceiverUrl, "-remoteWrite.tmpDataPath="
            + Path.Combine(job.Folder, "vmagent"),
            "-promscrape.streamParse=true", "-promscrape.maxScrapeSize=1GB", $"-httpListenAddr=127.0.0.1:{SidecarRun.FreePort()}"], []);
    }

    private static string ScrapeConfig(PeerJob job) => $$"""
        global:
          scrape_interval: {{job.Interval}}s
          scrape_timeout: {{job.Interval}}s
        scrape_configs:
          - job_name: apiserver
            scheme: https
            authorization: {credentials_file: {{job.TokenFile}}}
            tls_config: {ca_file: {{job.CaFile}}}
            static_configs: [{targets: [{{string.Join(',', job.Ports.Select(p => $"'127.0.0.1:{p}'"))}}]}]

        """;
}
