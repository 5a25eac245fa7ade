using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Serving;

namespace Sidecar.Commands;

/// <summary>What the process that runs beside the check, with the same variables, says of itself.</summary>
internal static class ProcessCheck
{
    private const string Name = "process";

    /// <summary>It is on this machine, and its listener waits for nobody.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(2);

    /// <summary>No judgement is longer, bytes.</summary>
    private const int LongestAnswer = 64 * 1024;

    /// <param name="listenAddress">Null where the listener is off.</param>
    /// <returns>How it is, and then what is wrong with it.</returns>
    public static async Task<List<CheckStep>> RunAsync(string? listenAddress, TimeProvider time, CancellationToken cancellation)
    {
        var variable = $"{Variables.ListenAddress.Name}={listenAddress}";
        if (listenAddress is null || ListenAddress.UrlOf(listenAddress) is not { } url)
        {
            return [new CheckStep(Name, CheckStatus.Note, "a sidecar that runs here cannot be asked how it is: "
                + (listenAddress is null ? $"{variable} turns its listener off" : $"{variable} leaves the port to the system"))];
        }
        var host = Failures.Host(url);
        using var client = new PeerClient(new HttpOptions { FollowsRedirects = false }, maxConnectionsPerServer: 1, time);
        using var late = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => new HttpRequestMessage(HttpMethod.Get, new Uri(url, "api/v1/ready")),
                either.Token);
            var body = new byte[LongestAnswer];
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, either.Token);
            return JsonFields.Read(body.AsMemory(0, length), answer => answer.Text("sidecar") is { } version
                ? Steps(answer, version, host) : [Another(host, variable, $"it answers {(int)response.StatusCode}")]);
        }
        catch (Exception e) when (e is JsonException or FormatException)
        {
            return [Another(host, variable, "its answer is not a sidecar's")];
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            if (late.IsCancellationRequested)
                return [Another(host, variable, $"it does not answer within {Durations.Format(Timeout)}")];
            var failure = Failures.From(e, url);
            return failure.Reason == FailureReason.ConnectionRefused
                ? [new CheckStep(Name, CheckStatus.Note, $"no sidecar runs here: nothing listens on {host} ({variable})")]
                : [Another(host, variable, failure.Message)];
        }
    }

    private static CheckStep Another(string host, string variable, string what) =>
        new(Name, CheckStatus.Warning, $"no sidecar can be asked at {host} ({variable}): {what}",
            new("another program listens there; a sidecar that is started with these variables would not start",
                $"set {Variables.ListenAddress.Name} to a free port, or to what the running sidecar has"));

    private static List<CheckStep> Steps(JsonElement answer, string version, string host)
    {
        var isReady = answer.Flag("ready") == true;
        var steps = new List<CheckStep>
        {
            new(Name, isReady ? CheckStatus.Ok : CheckStatus.Note, $"sidecar {version} at {host} is {(isReady ? "" : "not ")}ready: {answer.Text("state")}"),
        };
        foreach (var finding in answer.Items("findings"))
        {
            var when = finding.Text("when") is { } words ? $" ({words})" : "";
            var error = finding.Text("error") is { } fact ? $": {fact}" : "";
            steps.Add(new(Name, finding.Text("level") switch
            {
                "fault" => CheckStatus.Failed,
                "note" => CheckStatus.Note,
                _ => CheckStatus.Warning,
            }, $"{finding.Text("sentence")?.TrimEnd('.')}{when}{error}", new(finding.Text("cause"), finding.Text("remedy") ?? ""))
            {
                Reason = finding.Text("condition"),
                Since = finding.Text("since"),
                LostFrom = finding.Text("lost_from"),
                NextTry = finding.Text("next_try"),
            });
        }
        return steps;
    }
}
