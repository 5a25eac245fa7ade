using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using Sidecar.Primitives;
using Sidecar.Serving;
using Sidecar.Telemetry;
using Sidecar.Tests.Serving;

namespace Sidecar.Tests.Commands;

/// <summary>What the check makes of a process that runs beside it, and of whatever else is at its address.</summary>
public sealed class ProcessCheckTests
{
    [Theory]
    [InlineData(":9090", "http://127.0.0.1:9090/")]
    [InlineData("0.0.0.0:1", "http://127.0.0.1:1/")]
    [InlineData("[::]:9090", "http://127.0.0.1:9090/")]
    [InlineData("[::1]:9090", "http://[::1]:9090/")]
    [InlineData("10.0.0.1:80", "http://10.0.0.1/")]
    [InlineData("localhost:9090", "http://localhost:9090/")]
    [InlineData(":0", null)]
    public void A_process_is_asked_where_it_listens(string address, string? url) =>
        Assert.Equal(url, ListenAddress.UrlOf(address)?.ToString());

    [Theory]
    [InlineData("", "SIDECAR_LISTEN_ADDRESS= turns its listener off")]
    [InlineData("127.0.0.1:0", "SIDECAR_LISTEN_ADDRESS=127.0.0.1:0 leaves the port to the system")]
    public async Task One_that_cannot_be_asked_is_no_fault(string address, string why)
    {
        await using var run = await CommandRun.CreateAsync();
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = address;
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains($"· process         a sidecar that runs here cannot be asked how it is: {why}", run.Lines);
        Assert.Equal("All is well.", run.Lines[^1]);
    }

    [Fact]
    public async Task None_is_no_fault()
    {
        await using var run = await CommandRun.CreateAsync();
        using var bound = new Socket(SocketType.Stream, ProtocolType.Tcp); // nobody else gets its port, and it does not listen
        bound.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        var address = run.Environment["SIDECAR_LISTEN_ADDRESS"] = bound.LocalEndPoint!.ToString();
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains($"· process         no sidecar runs here: nothing listens on {address} (SIDECAR_LISTEN_ADDRESS={address})", run.Lines);
        Assert.Equal("All is well.", run.Lines[^1]);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "its answer is not a sidecar's")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", "it answers 200")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\n[{}]", "its answer is not a sidecar's")]
    [InlineData("HTTP/1.1 302 Found\r\nLocation: http://10.255.255.1/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "its answer is not a sidecar's")]
    [InlineData("SSH-2.0-OpenSSH_10\r\n", "")]
    [InlineData("", "")]
    [InlineData(null, "it does not answer within 2s")]
    public async Task Another_program_is_told_apart(string? answer, string says)
    {
        await using var run = await CommandRun.CreateAsync();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var serving = ServeAsync();
        var address = run.Environment["SIDECAR_LISTEN_ADDRESS"] = other.LocalEndpoint.ToString();
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains(run.Lines, l => l.StartsWith($"! process         no sidecar can be asked at {address} "
            + $"(SIDECAR_LISTEN_ADDRESS={address}): {says}", StringComparison.Ordinal));
        Assert.Contains("    cause:  another program listens there; a sidecar that is started with these variables would not start", run.Lines);
        Assert.StartsWith("Nothing failed; 1 of ", run.Lines[^1]);
        other.Stop();
        await serving;

        async Task ServeAsync()
        {
            try
            {
                while (true)
                {
                    using var client = await other.AcceptSocketAsync(TestContext.Current.CancellationToken);
                    var request = new byte[1024];
                    await client.ReceiveAsync(request);
                    if (answer is null)
                        await client.ReceiveAsync(request); // until the check gives up
                    else
                        await client.SendAsync(System.Text.Encoding.ASCII.GetBytes(answer));
                }
            }
            catch (Exception e) when (e is SocketException or InvalidOperationException or OperationCanceledException)
            {
            }
        }
    }

    [Theory]
    // Condition, grave, what is lost; the step's status, and the exit code.
    [InlineData("Starting", "Warning", "None", "note", 0)]
    [InlineData("StandsBy", "Good", "None", "note", 0)]
    [InlineData("ReceiverFails", "Warning", "Ahead", "warning", 0)]
    [InlineData("TargetsGone", "Warning", "None", "warning", 0)]
    [InlineData("SomeRefused", "Warning", "Some", "failed", 1)]
    [InlineData("TargetsFail", "Warning", "Some", "failed", 1)]
    [InlineData("NoTargetsKnown", "Warning", "All", "failed", 1)]
    [InlineData("AllRefused", "Bad", "All", "failed", 1)]
    [InlineData("Hanging", "Bad", "All", "failed", 1)]
    public async Task What_a_process_finds_is_a_fault_where_data_is_lost(
        string condition, string level, string loss, string status, int exitCode)
    {
        var finding = new Finding
        {
            Condition = Enum.Parse<Condition>(condition), Level = Enum.Parse<Level>(level), IsLosing = loss is "Some" or "All",
            Subject = Subject.Receiver, Sentence = "It is \"so\".", Fact = "503: no\nroom", Cause = "it is full", Remedy = "empty it",
            Since = SomeOverview.Now.AddMinutes(-3), LostFrom = SomeOverview.Now.AddMinutes(20), NextTry = SomeOverview.Now.AddSeconds(4),
        };
        await using var run = await CommandRun.CreateAsync();
        await using var pages = new ListenerFixture { Judgement = ListenerFixture.Judged(finding) };
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = pages.Address;
        Assert.Equal(exitCode, await run.RunAsync("check", "--output=json"));
        using var json = JsonDocument.Parse(run.Output);
        Assert.Equal(exitCode == 0, json.RootElement.GetProperty("ok").GetBoolean());
        var steps = json.RootElement.GetProperty("steps").EnumerateArray()
            .Where(s => s.GetProperty("step").GetString() == "process").ToList();
        Assert.Equal(2, steps.Count);
        Assert.Equal(finding.IsNotReady ? "note" : "ok", steps[0].GetProperty("status").GetString());
        Assert.Contains($" is {(finding.IsNotReady ? "not " : "")}ready: running for ", steps[0].GetProperty("fact").GetString());
        string Of(string key) => steps[1].TryGetProperty(key, out var value) ? value.GetString()! : "";
        Assert.Equal((status, Word.Of(finding.Condition), "it is full", "empty it"),
            (Of("status"), Of("reason"), Of("cause"), Of("remedy")));
        Assert.Equal(("2026-11-23T14:00:22Z", "2026-11-23T14:23:22Z", "2026-11-23T14:03:26Z"),
            (Of("since"), Of("lost_from"), Of("next_try")));
        Assert.StartsWith("It is \"so\"", Of("fact"));
        Assert.EndsWith(": 503: no\nroom", Of("fact"));
        Assert.Equal(condition != "TargetsGone", Of("fact").Contains("(for 3 min · "));

        Assert.Equal(exitCode, await run.RunAsync("check"));
        Assert.Equal(exitCode == 0 && status == "note", run.Lines[^1] == "All is well.");
        Assert.Equal(condition == "ReceiverFails", run.Output.Contains("full in about 20 min at this rate; then the oldest is lost"));
    }

    [Fact]
    public async Task A_process_that_is_well_says_what_came_of_it()
    {
        var now = SomeOverview.Now;
        await using var run = await CommandRun.CreateAsync();
        await using var pages = new ListenerFixture
        {
            Judgement = Judgement.Of(SomeOverview.Facts([SomeOverview.Target()], SomeOverview.Metrics()) with
            {
                Started = now.AddHours(-26), HasSent = true, Protocol = "1.0", DiscoveryAnswered = now.AddSeconds(-4),
                Sending = new() { LastAccepted = now.AddSeconds(-2) },
            }),
        };
        run.Environment["SIDECAR_LISTEN_ADDRESS"] = pages.Address;
        Assert.Equal(0, await run.RunAsync("check"));
        Assert.Contains($"✓ process         sidecar {Metrics.Version} at {pages.Address} is ready: running for 1 d 2 h, "
            + "the receiver accepted 2 s ago (remote write 1.0), discovery answered 4 s ago, 17 min of outage fit", run.Lines);
        Assert.Equal("All is well.", run.Lines[^1]);
    }
}
