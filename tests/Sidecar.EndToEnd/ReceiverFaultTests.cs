using System.Globalization;
using Cluster;
using Sidecar.EndToEnd.Hostile;

namespace Sidecar.EndToEnd;

/// <summary>
/// Whatever a receiver does for a while, all scrapes of that while are there when it is well again, in their order. The faults of a
/// status line are answered by the stand-in receiver, the others by a raw socket on its port while it is away.
/// </summary>
public sealed class ReceiverFaultTests(PublishedBinary binary)
{
    public static TheoryData<string, string> Broken => new()
    {
        { "nobody listens", "reason=connection_refused" },
        { "closes at once", "reason=connection" },
        { "resets in the middle of the request", "reason=connection" },
        { "resets in the middle of the answer", "reason=connection" },
        { "closes in the middle of the status line", "Sending failed" },
        { "hangs for ever", "reason=timeout" },
        { "drips its head for ever", "reason=timeout" },
        { "sends garbage", "Sending failed" },
        { "sends an endless head", "Sending failed" },
        { "speaks TLS", "Sending failed" },
        { "answers 500 and an endless body", "reason=http_status" },
        { "announces more than it sends", "reason=http_status" },
    };

    [Theory, MemberData(nameof(Broken))]
    public async Task What_is_scraped_meanwhile_arrives_later(string fault, string words)
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_TIMEOUT"] = "500ms";
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "200ms";
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.Receiver.StopAsync();
        var before = run.ApiServer.Metrics.Scrapes;
        if (fault == "nobody listens")
            await ThreeScrapesAsync();
        else
        {
            await using var hostile = await ListenAsync(request => AnswerAsync(request, fault), run.Receiver.Port);
            await ThreeScrapesAsync();
            Assert.NotEmpty(hostile.Heads);
        }
        await run.Receiver.StartAsync();
        await run.Sidecar.WaitForLogAsync("The receiver accepts again");
        await run.StopAsync();
        Complete(run);

        async Task ThreeScrapesAsync()
        {
            await run.Sidecar.WaitForLogAsync("Sending failed", words);
            await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= before + 3, () => string.Join('\n', run.Sidecar.Log));
        }
    }

    /// <summary>A client that knocks where nobody listens may get that very port for its own end, for a moment.</summary>
    private static async Task<HostileTarget> ListenAsync(Func<HostileRequest, Task> answer, int port)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                return new HostileTarget(answer, port: port);
            }
            catch (System.Net.Sockets.SocketException) when (tries < 60)
            {
                await Task.Delay(500, TestContext.Current.CancellationToken);
            }
        }
    }

    private static async Task AnswerAsync(HostileRequest request, string fault)
    {
        switch (fault)
        {
            case "closes at once":
                break;
            case "resets in the middle of the request":
                request.Reset();
                break;
            case "resets in the middle of the answer":
                await request.SendAsync("HTTP/1.1 204 No Con");
                request.Reset();
                break;
            case "closes in the middle of the status line":
                await request.SendAsync("HTTP/1.1 20");
                break;
            case "hangs for ever":
                await Task.Delay(Timeout.Infinite, request.Cancellation);
                break;
            case "drips its head for ever":
                await request.SendAsync("HTTP/1.1 200 OK\r\n");
                await request.ForeverAsync("X: y\r\n"u8.ToArray(), TimeSpan.FromMilliseconds(20));
                break;
            case "sends garbage":
                var garbage = new byte[5000];
                new Random(1).NextBytes(garbage);
                await request.SendAsync(garbage);
                break;
            case "sends an endless head":
                await request.SendAsync("HTTP/1.1 200 OK\r\n");
                await request.ForeverAsync("X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n"u8.ToArray());
                break;
            case "speaks TLS":
                await request.SendAsync("\u0015\u0003\u0003\u0000\u0002\u0002\u0046");
                break;
            case "answers 500 and an endless body":
                await request.SendAsync("HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n");
                await request.ForeverAsync("5\r\nwords\r\n"u8.ToArray());
                break;
            case "announces more than it sends":
                await request.SendAsync("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 1000\r\n\r\nshort");
                break;
            default:
                throw new ArgumentException(fault);
        }
    }

    public static TheoryData<string> Refusing =>
        ["past date", "near date", "0", "garbage", "-5", "redirect", "redirect elsewhere", "403", "407-less 401"];

    /// <summary>
    /// Retry-After in both its forms, right and wrong; redirects, which are not followed with what is to be written; credentials.
    /// </summary>
    [Theory, MemberData(nameof(Refusing))]
    public async Task What_may_pass_is_tried_again(string kind)
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "200ms";
        var answered = 0;
        run.Receiver.Answer = _ => Interlocked.Increment(ref answered) > 4 ? new ReceiverAnswer() : kind switch
        {
            "past date" => new ReceiverAnswer(503, RetryAfter: "Fri, 31 Dec 1999 23:59:59 GMT"),
            "near date" => new ReceiverAnswer(429, RetryAfter: DateTime.UtcNow.AddSeconds(1).ToString("R", CultureInfo.InvariantCulture)),
            "garbage" => new ReceiverAnswer(429, RetryAfter: "soon"),
            "redirect" => new ReceiverAnswer(302) { Location = "/elsewhere" },
            "redirect elsewhere" => new ReceiverAnswer(308) { Location = "http://127.0.0.1:9/" },
            "403" => new ReceiverAnswer(403),
            "407-less 401" => new ReceiverAnswer(401),
            _ => new ReceiverAnswer(503, RetryAfter: kind),
        };
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("a").Count >= 4, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Complete(run);
    }

    /// <summary>
    /// What the receiver has accepted with its status line is not sent again, and does not wait for the rest of the answer.
    /// </summary>
    [Fact]
    public async Task An_accepting_answer_that_never_ends_holds_nothing_up()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Receiver.Answer = _ => new ReceiverAnswer(200) { IsEndless = true };
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await Eventually.TrueAsync(() => run.Samples("a").Count >= 6, () => string.Join('\n', run.Sidecar.Log));
        await run.StopAsync();
        Complete(run);
        Assert.Equal(run.Samples("a").Count, run.Samples("a").DistinctBy(s => s.Timestamp).Count());
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("Sending failed", StringComparison.Ordinal));
    }

    /// <summary>
    /// A path that is not there is an operator's mistake, or a gateway that is being rolled out: nothing is lost by waiting.
    /// </summary>
    [Theory]
    [InlineData(404, "no such page")]
    [InlineData(405, "Method Not Allowed")]
    [InlineData(400, "unsupported path requested: \"/\"")]
    public async Task At_a_wrong_path_everything_waits_and_the_log_says_so(int status, string words)
    {
        await using var run = await StandInFixture.CreateAsync();
        var isThere = false;
        run.Receiver.Answer = _ => Volatile.Read(ref isThere) ? new ReceiverAnswer() : new ReceiverAnswer(status, words);
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("nothing takes writes at this path", "remedy=");
        var served = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= served + 5, () => "no scrapes");
        Volatile.Write(ref isThere, true);
        await run.ValueAsync("a", 1);
        await run.StopAsync();
        Complete(run);
    }

    /// <summary>
    /// A receiver that is back shortly before the end gets all: nobody waits for the next turn, which would come in minutes, nor for what
    /// it has asked for with Retry-After.
    /// </summary>
    [Fact]
    public async Task A_receiver_that_is_back_just_before_the_end_gets_all()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_MIN_BACKOFF"] = "10m";
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "10m";
        run.Receiver.Answer = _ => new ReceiverAnswer(503, RetryAfter: "60");
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("Sending failed", "reason=http_status");
        var served = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= served + 3, () => "no scrapes");
        run.Receiver.Answer = _ => new ReceiverAnswer();
        await run.StopAsync();
        Complete(run);
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Stopped: everything was sent", StringComparison.Ordinal));
    }

    /// <summary>What is refused for good is counted and said, and later scrapes arrive once the receiver takes them.</summary>
    [Fact]
    public async Task A_refusal_is_said_and_counted()
    {
        await using var run = await StandInFixture.CreateAsync();
        var takes = false;
        run.Receiver.Answer = _ => Volatile.Read(ref takes) ? new ReceiverAnswer() : new ReceiverAnswer(422, "cannot be processed");
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("The receiver refuses a request; its samples are dropped", "cannot be processed");
        await run.PageAsync("metrics", "prometheus_remote_storage_samples_failed_total\\{[^}]*\\} [1-9]");
        Volatile.Write(ref takes, true);
        await run.ValueAsync("a", 1);
        await run.StopAsync();
    }

    private static void Complete(StandInFixture run) => run.AllArrived("a");
}
