using Cluster;
using Sidecar.Requests;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

/// <summary>A receiver that cannot take a request now: it is tried again, and the log says why and when.</summary>
public sealed class DeliveryOutageTests : DeliveryTest
{
    [Theory]
    [InlineData(404, "404 page not found")]
    [InlineData(405, "Method Not Allowed")]
    [InlineData(400, "unsupported path requested: \"/\"")]
    public async Task A_path_that_is_not_there_waits_and_settles_no_version(int status, string words)
    {
        var isThere = false;
        using var run = Run(0, _ => isThere ? new ReceiverAnswer() : new ReceiverAnswer(status, words));
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("this path, which may be wrong", StringComparison.Ordinal));
        isThere = true;
        await PassTimeAsync(delivered);
        Assert.Equal(Delivered.Accepted, await delivered);
        Assert.Equal(WriteVersion.Two, run.Protocol.Current);
        Assert.True(run.Protocol.IsSettled); // by the answer that accepted
        Assert.Contains("this path, which may be wrong", log.ToString());
        Assert.Contains(status == 400 ? "/api/v1/write" : "/prometheus/v1/write", log.ToString()); // only one says 400
        Assert.Equal(0, run.Dropped);
        Assert.NotNull(run.State.Now.NextTry);
    }

    /// <summary>An outage changes its face: each cause is told at once, with what to do, and again only after a minute.</summary>
    [Fact]
    public async Task Each_cause_of_one_outage_is_told_once_a_minute()
    {
        ReceiverAnswer[] faces =
        [
            new(500, "boom"), new(500, "boom again"), new(401, "who are you"), new(503, "busy"), new(429, "slow down"), new(500, "boom"),
            new(307, ""), new(401, "who are you"),
        ];
        using var run = Run(1, _ => requests <= faces.Length ? faces[requests - 1] : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        for (var (i, idle) = (0, 0); i < 10_000 && !delivered.IsCompleted; i++)
        {
            // All of it in less than a minute: no time passes while a request is under way, however long that takes. What is waited for
            // may have begun a moment after it was announced, so that it goes on where nothing else does.
            if (run.State.Now.NextTry > time.GetUtcNow() || ++idle % 50 == 0)
                time.Advance(TimeSpan.FromMilliseconds(100));
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }
        Assert.Equal(Delivered.Accepted, await delivered);
        var lines = log.ToString().Split('\n').Where(l => l.Contains("Sending failed")).ToList();
        Assert.Equal(["500", "401", "503", "429", "307"], lines.Select(l => l.Split("answers ")[1][..3]));
        Assert.All(lines, l => Assert.Contains(" remedy=", l));
        Assert.Contains("failures=8", log.ToString()); // of all causes, when it accepts again
        Assert.Null(run.State.Now.FailingSince);
    }

    [Fact]
    public async Task Where_a_redirect_leads_is_said_without_its_credentials()
    {
        var moved = true;
        using var run = Run(1, _ => moved
            ? new ReceiverAnswer(302) { Location = "http://user:secret@elsewhere:8428/login?token=abc" } : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("it redirects to http://elsewhere:8428/login", StringComparison.Ordinal));
        moved = false;
        await PassTimeAsync(delivered);
        Assert.Equal(Delivered.Accepted, await delivered);
        Assert.DoesNotContain("secret", log.ToString());
        Assert.DoesNotContain("abc", log.ToString());
    }

    [Fact]
    public async Task Retry_after_an_hour_is_a_minute_and_the_log_says_so()
    {
        var isBusy = true;
        using var run = Run(1, _ => isBusy ? new ReceiverAnswer(429, RetryAfter: "3600") : new ReceiverAnswer());
        var delivered = run.DeliverAsync(0);
        await WaitForAsync(() => log.ToString().Contains("retry_after=1h0m0s next_try_in=1m0s", StringComparison.Ordinal));
        isBusy = false;
        await WaitForAsync(() => time.HasTimer(TimeSpan.FromMinutes(1)));
        time.Advance(TimeSpan.FromSeconds(59));
        var other = run.DeliverAsync(1); // is not posted before either
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal(1, requests);
        time.Advance(TimeSpan.FromSeconds(1.1));
        Assert.Equal(Delivered.Accepted, await delivered.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal(Delivered.Accepted, await other.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.Equal(3, requests);
    }
}
