using System.Globalization;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>
/// A receiver that refuses is not stormed, and what it takes arrives. Each test counts the requests of scrapes that a receiver refuses
/// beside those of scrapes that it accepts, in the same process.
/// </summary>
public sealed class RefusalTests(PublishedBinary binary)
{
    private const int Series = 5000;
    private const int Scrapes = 16;

    /// <summary>Of a scrape that is accepted: 5,000 series and five of its own, 500 a request.</summary>
    private const int Healthy = 11;

    /// <summary>A measurement may cut a scrape at both of its ends, and a busy machine lets one more in.</summary>
    private const int MostScrapes = Scrapes + 3;

    /// <summary>RefusalBudget.MostPerMinute: these tests take less than a minute.</summary>
    private const int MostBeyond = 60;

    private readonly Lock gate = new();
    private readonly HashSet<string> arrived = [];
    private int requests;

    [Fact]
    public async Task A_receiver_that_refuses_all_sees_no_more_than_a_healthy_one()
    {
        await using var run = await CreateAsync();
        var (healthy, healthyTime) = await MeasureAsync(run);
        Answer(run, _ => new ReceiverAnswer(400, "everything is wrong"));
        var (refused, refusedTime) = await MeasureAsync(run);
        var line = await run.Sidecar.WaitForLogAsync("The receiver refuses a request; its samples are dropped", "everything is wrong");
        Assert.Contains("level=error", line);
        Assert.Contains("remedy=", line);
        Assert.InRange(healthy, 1, Healthy * MostScrapes);
        Assert.InRange(refused, 1, Healthy * MostScrapes + 8); // two for a futile search, of which four may begin at once
        Assert.InRange(refusedTime.TotalSeconds, 0, healthyTime.TotalSeconds * 2 + 1); // processor time
        using var http = new HttpClient();
        var ready = await http.GetAsync(new Uri(await run.Sidecar.ListenAddressAsync(), "-/ready"), TestContext.Current.CancellationToken);
        Assert.Equal(System.Net.HttpStatusCode.ServiceUnavailable, ready.StatusCode);
        await run.StopAsync();
    }

    [Fact]
    public async Task Of_one_bad_series_that_one_alone_is_lost_scrape_after_scrape()
    {
        await using var run = await CreateAsync();
        var (healthy, _) = await MeasureAsync(run);
        Answer(run, names => names.Contains("m1234") ? new ReceiverAnswer(400, "m1234 is not allowed") : new ReceiverAnswer());
        lock (gate)
            arrived.Clear();
        var (seen, _) = await MeasureAsync(run);
        Assert.InRange(healthy, 1, Healthy * MostScrapes);
        Assert.InRange(seen, 1, Healthy * MostScrapes + MostBeyond / 2);
        var line = await run.Sidecar.WaitForLogAsync("The receiver refuses a series; it is dropped");
        Assert.Contains("m1234{", line);
        await run.StopAsync();
        lock (gate)
            Assert.DoesNotContain("m1234", arrived);
        foreach (var neighbour in (string[])["m0", "m1233", "m1235", "m4999"])
            run.AllArrived(neighbour);
    }

    /// <summary>
    /// As Mimir, which takes what is below the limit and answers 400 for the rest; and a receiver that then takes nothing of a
    /// request.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Of_a_tenant_limit_all_that_it_takes_arrives(bool inParts)
    {
        await using var run = await CreateAsync();
        var (healthy, _) = await MeasureAsync(run);
        const int Most = Series / 2 + 150;
        var limit = new HashSet<string>();
        Answer(run, names =>
        {
            if (names.Any(n => n[0] != 'm'))
                return new ReceiverAnswer();
            if (!inParts && limit.Union(names).Count() > Most)
                return new ReceiverAnswer(400, "per-user series limit exceeded");
            var over = names.Count(n => !limit.Contains(n) && (limit.Count >= Most || !limit.Add(n)));
            return over == 0 ? new ReceiverAnswer() : new ReceiverAnswer(400, "per-user series limit exceeded");
        });
        var (seen, _) = await MeasureAsync(run);
        Assert.InRange(healthy, 1, Healthy * MostScrapes);
        Assert.InRange(seen, 1, Healthy * MostScrapes + MostBeyond);
        Assert.InRange(limit.Count, Most - 250, Most); // half of a request by the rule of halves
        await run.StopAsync();
        Assert.Contains(run.Sidecar.Log, l => l.Contains("Stopped: everything was sent", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_size_that_is_refused_is_learned_and_everything_arrives()
    {
        await using var run = await CreateAsync();
        var (healthy, _) = await MeasureAsync(run);
        var most = run.Receiver.Last!.Body.Length;
        run.Receiver.Answer = Counted(request => most = Math.Max(most, request.Body.Length));
        await MeasureAsync(run);
        var tooLarge = 0;
        run.Receiver.Answer = request =>
        {
            lock (gate)
            {
                requests++;
                tooLarge += request.Body.Length > most * 2 / 3 ? 1 : 0;
            }
            return request.Body.Length > most * 2 / 3 ? new ReceiverAnswer(413, "request too large") : new ReceiverAnswer();
        };
        var (seen, _) = await MeasureAsync(run);
        Assert.InRange(tooLarge, 1, 16);
        Assert.InRange(healthy, 1, Healthy * MostScrapes);
        Assert.InRange(seen, 1, Healthy * MostScrapes * 4); // halves, or quarters where halves differ
        await run.StopAsync();
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("it is dropped", StringComparison.Ordinal));
        foreach (var name in (string[])["m0", "m2499", "m4999"])
            run.AllArrived(name);
    }

    [Fact]
    public async Task Retry_after_an_hour_is_obeyed_for_a_minute_and_the_log_says_so()
    {
        await using var run = await CreateAsync();
        await MeasureAsync(run);
        Answer(run, _ => new ReceiverAnswer(429, "slow down", RetryAfter: "3600"));
        await run.Sidecar.WaitForLogAsync("Sending failed", "retry_after=1h0m0s", "next_try_in=1m0s");
        var (seen, _) = await MeasureAsync(run);
        Assert.InRange(seen, 0, 8); // those that were on their way
        await run.Sidecar.StopAsync();
    }

    private async Task<StandInFixture> CreateAsync()
    {
        var run = await StandInFixture.CreateAsync();
        run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "1.0";
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "500";
        run.Environment["SIDECAR_SHUTDOWN_TIMEOUT"] = "5s";
        run.ApiServer.Metrics.Serve(string.Concat(Enumerable.Range(0, Series).Select(i => $"m{i} {i * 7919L}\n")));
        Answer(run, _ => new ReceiverAnswer());
        run.Start(binary);
        await run.ValueAsync("m4999", 4999 * 7919L);
        return run;
    }

    private void Answer(StandInFixture run, Func<List<string>, ReceiverAnswer> answer) => run.Receiver.Answer = request =>
    {
        lock (gate)
        {
            requests++;
            var names = request.Message.Timeseries.Select(s => s.Labels.Single(l => l.Name == "__name__").Value).ToList();
            var answered = answer(names);
            if (answered.Status / 100 == 2)
                arrived.UnionWith(names);
            return answered;
        }
    };

    private Func<ReceivedRequest, ReceiverAnswer> Counted(Action<ReceivedRequest> look) => request =>
    {
        lock (gate)
        {
            requests++;
            look(request);
            return new ReceiverAnswer();
        }
    };

    /// <summary>Requests and processor time of so many whole scrapes from now on, as the receiver sees them.</summary>
    private async Task<(int Requests, TimeSpan Time)> MeasureAsync(StandInFixture run)
    {
        var (before, time, from) = (run.ApiServer.Metrics.Scrapes, ProcessorTime(run), Volatile.Read(ref requests));
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= before + Scrapes, () => string.Join('\n', run.Sidecar.Log));
        var more = run.ApiServer.Metrics.Scrapes - before - Scrapes; // on a busy machine
        var seen = Volatile.Read(ref requests) - from - Healthy * more;
        return (seen, (ProcessorTime(run) - time) * Scrapes / (run.ApiServer.Metrics.Scrapes - before));
    }

    private static TimeSpan ProcessorTime(StandInFixture run)
    {
        if (!OperatingSystem.IsLinux())
            return TimeSpan.Zero;
        // proc(5): user and system time are fields 14 and 15, in hundredths of a second.
        var fields = File.ReadAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{run.Sidecar.Id}/stat")).Split(')')[1].Split(' ');
        return TimeSpan.FromMilliseconds(10 * fields[12..14].Sum(f => long.Parse(f, CultureInfo.InvariantCulture)));
    }
}
