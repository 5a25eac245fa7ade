using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>Which version of remote write the published binary settles on, and that nothing is lost while it finds out.</summary>
public sealed class WriteVersionTests(PublishedBinary binary)
{
    private const string Body = """
        # HELP requests_total How many.
        # TYPE requests_total counter
        requests_total{code="200"} 5 # {trace_id="abc"} 1 1000.5
        # TYPE other gauge
        other 1
        # EOF

        """;

    [Fact]
    public async Task A_receiver_that_understands_2_0_gets_2_0()
    {
        await using var run = await CreateAsync(SecondVersion.Understood);
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("other").Count >= 3, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Assert.Equal(run.Receiver.Requests, run.Receiver.SecondVersionRequests);
        Assert.Equal((1, "How many.", ""), run.Receiver.Metadata["requests_total"]);
        Assert.Equal(("trace_id", "abc", 1_000_500), run.Receiver.Exemplars[run.Series("requests_total", "code=\"200\"")]
            .Select(e => (e.Labels[0].Name, e.Labels[0].Value, e.Timestamp)).First());
        Assert.Single(run.Sidecar.Log, l => l.Contains("The receiver understands remote write 2.0", StringComparison.Ordinal));
        Complete(run);
    }

    [Theory]
    [InlineData(SecondVersion.TakenForEmpty, "confirms no writes")]
    [InlineData(SecondVersion.Refused, "it answers 415")]
    public async Task A_receiver_that_lacks_2_0_gets_all_of_it_in_1_0(SecondVersion lacks, string why)
    {
        await using var run = await CreateAsync(lacks);
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "2"; // several requests at the same time
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("other").Count >= 4, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Assert.Equal(0, run.Receiver.SecondVersionRequests - (lacks == SecondVersion.TakenForEmpty ? 1 : 0)); // the one that showed it
        Assert.Equal((1, "How many.", ""), run.Receiver.Metadata["requests_total"]);
        Assert.NotEmpty(run.Receiver.Exemplars[run.Series("requests_total", "code=\"200\"")]);
        var line = Assert.Single(run.Sidecar.Log, l =>
            l.Contains("The receiver lacks remote write 2.0: 1.0 is used", StringComparison.Ordinal));
        Assert.Contains(why, line);
        Complete(run);
    }

    [Fact]
    public async Task A_receiver_that_is_replaced_by_an_older_one_gets_1_0_from_then_on()
    {
        await using var run = await CreateAsync(SecondVersion.Understood);
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("other").Count >= 3, () => string.Join('\n', run.Sidecar.Log));
        run.Receiver.SecondVersion = SecondVersion.TakenForEmpty;
        await run.Sidecar.WaitForLogAsync("The receiver lacks remote write 2.0");
        var before = run.Samples("other").Count;
        await Eventually.TrueAsync(() => run.Samples("other").Count >= before + 3, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Complete(run);
    }

    [Fact]
    public async Task A_version_that_is_set_is_not_asked_about()
    {
        await using var run = await CreateAsync(SecondVersion.Understood);
        run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "1.0";
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("other").Count >= 2, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Assert.Equal(0, run.Receiver.SecondVersionRequests);
        Complete(run);
    }

    [Fact]
    public async Task While_the_version_is_not_known_one_request_is_in_flight()
    {
        await using var run = await CreateAsync(SecondVersion.Understood);
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "1";
        var now = 0;
        var most = 0;
        var answered = 0;
        run.Receiver.Answer = _ =>
        {
            most = answered == 0 ? Math.Max(most, Interlocked.Increment(ref now)) : most;
            Thread.Sleep(answered == 0 ? 300 : 0);
            Interlocked.Decrement(ref now);
            answered++;
            return new ReceiverAnswer();
        };
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("other").Count >= 2, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Assert.Equal(1, most);
        Complete(run);
    }

    private static async Task<StandInFixture> CreateAsync(SecondVersion version)
    {
        var run = await StandInFixture.CreateAsync();
        run.Receiver.SecondVersion = version;
        run.ApiServer.Metrics.ContentType = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        run.ApiServer.Metrics.Serve(Body);
        return run;
    }

    private static void Complete(StandInFixture run) => run.AllArrived("other");
}
