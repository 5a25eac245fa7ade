using System.Text;
using Cluster;
using Sidecar.Commands;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Commands;

/// <summary>
/// A stand-in cluster and receiver, the variables of a pod beside them, and commands that run there within the test's process.
/// </summary>
internal sealed class CommandRun : IAsyncDisposable
{
    private CommandRun(StandInCluster cluster, Receiver receiver)
    {
        Cluster = cluster;
        Receiver = receiver;
    }

    public StandInCluster Cluster { get; }

    public Receiver Receiver { get; }

    public ApiServer ApiServer => Cluster.ApiServers[0];

    /// <summary>Tests change it before they run a command.</summary>
    public Dictionary<string, string?> Environment { get; } = [];

    public TimeProvider Time { get; set; } = TimeProvider.System;

    public string Output { get; private set; } = "";

    public string Errors { get; private set; } = "";

    public IReadOnlyList<string> Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static async Task<CommandRun> CreateAsync(int apiServers = 1)
    {
        var run = new CommandRun(await StandInCluster.StartAsync(apiServers), new Receiver());
        await run.Receiver.StartAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = run.Receiver.WriteUrl.ToString();
        run.Environment["SIDECAR_KUBERNETES_API_SERVER"] = run.ApiServer.Address.ToString();
        run.Environment["SIDECAR_KUBERNETES_TOKEN_FILE"] = run.Cluster.TokenFile;
        run.Environment["SIDECAR_KUBERNETES_CA_FILE"] = run.Cluster.CaFile;
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0"; // whatever runs on this machine is not asked how it is
        run.ApiServer.Metrics.Serve("# TYPE a counter\na 1\n");
        return run;
    }

    /// <summary>Returns the exit code.</summary>
    public Task<int> RunAsync(params string[] arguments) => RunAsync(isTerminal: false, arguments);

    public async Task<int> RunAsync(bool isTerminal, params string[] arguments)
    {
        var output = new MemoryStream();
        var errors = new LogText();
        var exitCode = await CommandLine.RunAsync(arguments, Environment,
            new CommandOutput(output, errors, isTerminal, hasColors: isTerminal),
            Time, TestContext.Current.CancellationToken);
        Output = Encoding.UTF8.GetString(output.ToArray());
        Errors = errors.ToString();
        return exitCode;
    }

    public async ValueTask DisposeAsync()
    {
        await Receiver.DisposeAsync();
        await Cluster.DisposeAsync();
    }
}
