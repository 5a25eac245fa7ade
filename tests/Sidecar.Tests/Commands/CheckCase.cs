using System.Buffers.Text;
using System.Text;
using Cluster;

namespace Sidecar.Tests.Commands;

/// <summary>One thing that is wrong around a sidecar, and what the check has to say of it.</summary>
/// <param name="Break">Breaks it.</param>
/// <param name="Step">The step that finds it.</param>
/// <param name="Says">What its fact, cause and remedy contain.</param>
internal sealed record CheckCase(string Name, Func<CommandRun, ValueTask> Break, string Step, params string[] Says)
{
    public int ExitCode { get; init; } = 1;

    public string[] Flags { get; init; } = [];

    /// <summary>failed, or warning where it works all the same.</summary>
    public string Status { get; init; } = "failed";

    public static CheckCase Of(string name, Action<CommandRun> make, string step, params string[] says) =>
        new(name, run =>
        {
            make(run);
            return default;
        }, step, says);

    /// <summary>A variable has this value.</summary>
    public static CheckCase With(string name, string variable, string? value, string step, params string[] says) =>
        Of(name, run => run.Environment[variable] = value, step, says);

    /// <summary>The receiver answers this.</summary>
    public static CheckCase Answer(string name, int status, string body, params string[] says) =>
        Of(name, run => run.Receiver.Answer = _ => new ReceiverAnswer(status, body), "receiver", says);

    /// <summary>A JWT with these claims; nobody checks its signature here.</summary>
    public static string Jwt(string claims) =>
        $"{Base64Url.EncodeToString("""{"alg":"RS256"}"""u8)}.{Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.c2ln";

    /// <summary>Another API server of the cluster, with a certificate of its own; the sidecar asks it.</summary>
    public static async Task AskAsync(CommandRun run, System.Security.Cryptography.X509Certificates.X509Certificate2 certificate)
    {
        var server = new ApiServer(run.Cluster.Store, certificate);
        await server.StartAsync();
        run.Cluster.ApiServers.Add(server); // stopped with the others
        run.Environment["SIDECAR_KUBERNETES_API_SERVER"] = server.Address.ToString();
    }

    public override string ToString() => Name;
}
