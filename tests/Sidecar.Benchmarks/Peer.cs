using System.Diagnostics;
using System.IO.Compression;
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
        new("Prometheus, agent mode", Find("PROMETHEUS", "prometheus"), job => Prometheus(job, Find("PROMETHEUS", "prometheus")!)),
        new("vmagent, stream parsing", Find("VMAGENT", "vmagent"), Vmagent),
    ];

    public static Peer Sidecar(string name, string binary, Func<PeerJob, string>? queueDirectory = null) => new(name, binary, job =>
    {
        var environment = SidecarRun.Environment(job, SidecarRun.FreePort());
        if (queueDirectory is not null)
            environment["SIDECAR_QUEUE_DIRECTORY"] = queueDirectory(job);
        return ([], environment);
    });

    /// <param name="set">Of the process; null for nobody who looks.</param>
    public Process Start(PeerJob job, WorkingSet? set = null)
    {
        var (arguments, environment) = Command(job);
        var (program, all) = set?.Wrap(Binary!, arguments) ?? (Binary!, arguments);
        return Start(program, all, environment, job.Folder);
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

    public string Version()
    {
        var version = Regex.Match(Said(Binary!, Name.StartsWith("sidecar", StringComparison.Ordinal) ? "version" : "--version"),
            @"\d+\.\d+(\.\d+)?").Value;
        return version.Length > 0 ? version : PackageVersion(Binary!, "victoria-metrics"); // Debian's vmagent does not know its own
    }

    private static string Said(string binary, string option)
    {
        var start = new ProcessStartInfo(binary, [option]) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        return process.StandardOutput.ReadToEnd() + process.StandardError.ReadToEnd();
    }

    /// <summary>From Debian's changelog beside the binary, installed or only unpacked.</summary>
    private static string PackageVersion(string binary, string package)
    {
        var changelog = Path.Combine(Path.GetDirectoryName(binary)!, "..", "share", "doc", package, "changelog.Debian.gz");
        if (!File.Exists(changelog))
            return "";
        using var reader = new StreamReader(new GZipStream(File.OpenRead(changelog), CompressionMode.Decompress));
        return Regex.Match(reader.ReadLine() ?? "", @"\d+\.\d+(\.\d+)?").Value;
    }

    public static string? Find(string variable, string command) =>
        Environment.GetEnvironmentVariable(variable) ??
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Append("/usr/bin")
        .Select(p => Path.Combine(p, command)).FirstOrDefault(File.Exists);

    private static (string[], Dictionary<string, string>) Prometheus(PeerJob job, string binary)
    {
        var agent = Said(binary, "--version").Contains("version 2.", StringComparison.Ordinal) ? "--enable-feature=agent" : "--agent";
        var file = Path.Combine(job.Folder, "prometheus.yml");
        File.WriteAllText(file, $"{ScrapeConfig(job)}remote_write:\n  - url: {job.ReceiverUrl}\n");
        return ([agent, "--config.file=" + file, "--storage.agent.path=" + Path.Combine(job.Folder, "agent"),
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
