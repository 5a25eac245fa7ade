using System.Net;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>Bad targets and bad receivers: each has its word in log and metric, and nothing that was good is lost because of it.</summary>
public sealed class FaultTests(PublishedBinary binary)
{
    public static TheoryData<string, string> BadTargets => new()
    {
        { "status", "http_status" },
        { "content type", "content_type" },
        { "no content type", "content_type" },
        { "parse", "parse" },
        { "cut", "connection" },
        { "truncated gzip", "truncated" },
        { "forbidden", "forbidden" },
        { "unauthorized", "unauthorized" },
        { "slow", "timeout" },
    };

    [Theory, MemberData(nameof(BadTargets))]
    public async Task A_failed_scrape_is_up_0_with_its_reason_and_disturbs_no_other_target(string fault, string reason)
    {
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        var (good, bad) = (run.Cluster.ApiServers[0], run.Cluster.ApiServers[1]);
        good.Metrics.Serve("a 1\n");
        bad.Metrics.Serve("a 1\nb 2\n");
        run.Start(binary);
        await run.ValueAsync("b", 2, server: bad);
        switch (fault)
        {
            case "status": bad.Metrics.Status = HttpStatusCode.ServiceUnavailable; break;
            case "content type": bad.Metrics.ContentType = "text/html"; break;
            case "no content type": bad.Metrics.ContentType = null; break;
            case "parse": bad.Metrics.Serve("a 1\nb{x=y} 2\n"); break;
            case "cut": bad.Metrics.CutAfter = 5; break;
            case "truncated gzip": bad.Metrics.ServeGzip(TargetBehaviour.Compress("a 1\nb 2\n"u8)[..^5]); break;
            case "forbidden": bad.Tokens[run.Cluster.Token] = new Account(StandInCluster.AccountName); break;
            case "unauthorized": bad.Tokens.Clear(); break;
            case "slow": bad.Metrics.Delay = TimeSpan.FromMinutes(1); break;
        }
        await run.ValueAsync("up", 0, server: bad);
        await run.Sidecar.WaitForLogAsync("Scrape failed", $"127.0.0.1:{bad.Port}", $"reason={reason}");
        Assert.True(double.IsNaN(run.Samples("b", server: bad)[^1].Value));
        await run.StopAsync();
        Assert.DoesNotContain(run.Samples("up", server: good), s => s.Value != 1);
    }

    [Fact]
    public async Task Plain_text_and_an_empty_body_are_good_scrapes()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.IsPlain = true;
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        run.ApiServer.Metrics.Serve("");
        await run.ValueAsync("scrape_samples_scraped", 0);
        await run.ValueAsync("up", 1);
        await run.StopAsync();
        Assert.True(double.IsNaN(run.Samples("a")[^1].Value));
        Assert.DoesNotContain(run.Samples("up"), s => s.Value != 1);
    }

    [Fact]
    public async Task A_certificate_of_another_authority_is_refused_in_words()
    {
        await using var run = await StandInFixture.CreateAsync();
        using var other = new CertificateAuthority("somebody-else");
        var ca = Path.Combine(run.Cluster.Folder, "other.crt");
        await File.WriteAllTextAsync(ca, other.Pem, TestContext.Current.CancellationToken);
        run.Environment["SIDECAR_TLS_CA_FILE"] = ca;
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        var line = await run.Sidecar.WaitForLogAsync("Scrape failed", "reason=certificate");
        Assert.Contains("CN=kubernetes", line);
        Assert.Contains("other.crt", line);
        await run.StopAsync();
    }

    [Fact]
    public async Task Plain_http_to_a_tls_port_is_told_by_its_answer()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_SCHEME"] = "http";
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("Scrape failed", "reason=http_on_https_port", "wants https");
        await run.StopAsync();
    }

    [Theory]
    [InlineData(500, null)]
    [InlineData(503, "1")]
    [InlineData(429, "1")]
    [InlineData(499, null)]
    [InlineData(401, null)]
    public async Task What_may_pass_is_tried_again_and_nothing_is_lost(int status, string? retryAfter)
    {
        await using var run = await StandInFixture.CreateAsync();
        var refusals = 0;
        var retries = 0;
        run.Receiver.Answer = request =>
        {
            if (request.Headers.ContainsKey("Retry-Attempt"))
                Interlocked.Increment(ref retries);
            return Interlocked.Increment(ref refusals) <= 6 ? new ReceiverAnswer(status, "try later", retryAfter) : new ReceiverAnswer();
        };
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("a").Count >= 5, () => "not delivered");
        await run.StopAsync();
        Assert.True(retries > 0);
        run.AllArrived("a");
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Sending failed") && l.Contains("try later"));
    }

    [Fact]
    public async Task An_answer_lost_after_storing_causes_a_duplicate_and_never_a_gap()
    {
        await using var run = await StandInFixture.CreateAsync();
        var requests = 0;
        run.Receiver.Answer = _ => Interlocked.Increment(ref requests) % 3 == 0
            ? new ReceiverAnswer { IsReset = true, IsStored = true } : new ReceiverAnswer();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("a").Select(s => s.Timestamp).Distinct().Count() >= 8, () => "not delivered");
        await run.StopAsync();
        var times = run.Samples("a").Select(s => s.Timestamp).ToList();
        Assert.True(times.Count > times.Distinct().Count());
        run.AllArrived("a");
    }

    [Fact]
    public async Task A_series_that_the_receiver_refuses_is_found_by_halving_and_only_it_is_dropped()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Receiver.Answer = request => request.Message.Timeseries.Any(t => t.Labels.Any(l => l.Value == "poison"))
            ? new ReceiverAnswer(400, "label value poison is not allowed") : new ReceiverAnswer();
        run.ApiServer.Metrics.Serve("a 1\nb 2\nc{x=\"poison\"} 3\nd 4\n");
        run.Start(binary);
        foreach (var (name, value) in new (string, double)[] { ("a", 1), ("b", 2), ("d", 4), ("up", 1) })
            await run.ValueAsync(name, value);
        var line = await run.Sidecar.WaitForLogAsync("The receiver refuses a series");
        Assert.Contains("poison is not allowed", line);
        Assert.Contains("c{", line);
        await run.StopAsync();
        Assert.Empty(run.Samples("c", "x=\"poison\""));
        Assert.Equal(run.Samples("a").Count, run.Samples("up").Count);
    }

    [Fact]
    public async Task A_full_queue_drops_the_oldest_counted_and_logged()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_QUEUE_SIZE_LIMIT"] = "2KB";
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "30s";
        var accepts = false;
        run.Receiver.Answer = _ => Volatile.Read(ref accepts) ? new ReceiverAnswer() : new ReceiverAnswer(503, "overloaded");
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("The queue is full");
        await run.PageAsync("metrics", "sidecar_queue_dropped_scrapes_total\\{reason=\"queue_size\"\\} [1-9]");
        Volatile.Write(ref accepts, true);
        await run.ValueAsync("a", 1);
        await run.StopAsync(); // in order, whatever was dropped
    }
}
