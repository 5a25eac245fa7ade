using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>The main job into a stand-in with Nightingale's ways, which test tools of other receivers do not have.</summary>
public sealed class NightingaleTests(PublishedBinary binary)
{
    private const int Series = 300;

    /// <summary>
    /// While the queues are full it answers 499, now and then in the middle of a request, whose first part arrives twice then. Each scrape
    /// writes its number into every series: all numbers of all series are there afterwards.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task No_series_is_missing_after_a_spell_of_499(bool forcesServerTime)
    {
        await using var run = await StandInFixture.CreateAsync();
        var nightingale = new Nightingale(run.Receiver) { ForcesServerTime = forcesServerTime, QueueLimit = 450 };
        run.Environment["SIDECAR_REMOTE_WRITE_URL"] = nightingale.WriteUrl.ToString();
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "200ms";
        run.Environment["SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND"] = "200";
        run.ApiServer.Metrics.Gzip = number => TargetBehaviour.Compress(System.Text.Encoding.UTF8.GetBytes(
            string.Concat(Enumerable.Range(0, Series).Select(i => $"s{{i=\"{i}\"}} {number}\n"))));
        run.Start(binary);
        await run.Sidecar.WaitForLogAsync("The receiver lacks remote write 2.0");
        await Eventually.TrueAsync(() => run.Samples("s", "i=\"0\"").Count >= 2, () => string.Join('\n', run.Sidecar.Log));

        nightingale.ForwardedPerSecond = 0;
        await Eventually.TrueAsync(() => nightingale.Refused is { AtOnce: > 3, InTheMiddle: > 0 }, () => nightingale.Refused.ToString());
        var line = await run.Sidecar.WaitForLogAsync("Sending failed", "write queue full, metric count over limit: ");
        Assert.Contains("QueueMaxSize", line); // the remedy is Nightingale's own
        var before = run.ApiServer.Metrics.Scrapes;
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= before + 3, () => string.Join('\n', run.Sidecar.Log));
        var ended = DateTimeOffset.UtcNow.ToUnixTimeSeconds() * 1000;
        nightingale.ForwardedPerSecond = 1_000_000;
        await run.Sidecar.WaitForLogAsync("The receiver accepts again");
        await run.StopAsync();

        var numbers = Enumerable.Range(1, (int)Values("s", "i=\"0\"").Max()).Select(n => (double)n).ToList();
        Assert.InRange(numbers.Count, run.ApiServer.Metrics.Scrapes - 1, run.ApiServer.Metrics.Scrapes);
        for (var i = 0; i < Series; i++)
            Assert.Equal(numbers, Values("s", $"i=\"{i}\"").Distinct().Order());
        Assert.Empty(run.Receiver.Metadata);
        // What receivers.md says of a backlog: it is stamped with the time at which it is delivered, or keeps its own.
        var waited = run.Samples("s", $"i=\"{Series - 1}\"").Where(s => s.Value > before && s.Value <= before + 3).ToList();
        Assert.NotEmpty(waited);
        Assert.All(waited, s => Assert.Equal(forcesServerTime, s.Timestamp % 1000 == 0 && s.Timestamp >= ended));

        IEnumerable<double> Values(string name, string labels) =>
            run.Samples(name, labels).Select(s => s.Value).Where(v => !Receiver.IsMarker(v));
    }

    /// <summary>The database behind the proxy path takes 2.0 and nobody says so: what was sent before that shows is there twice.</summary>
    [Fact]
    public async Task The_proxy_path_gets_the_first_requests_twice_unless_1_0_is_set()
    {
        foreach (var version in new[] { "auto", "1.0" })
        {
            await using var run = await StandInFixture.CreateAsync();
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).ProxyUrl.ToString();
            run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = version;
            run.ApiServer.Metrics.Serve("a 1\n");
            run.Start(binary);
            await Eventually.TrueAsync(() => run.Samples("a").Count >= 4, () => string.Join('\n', run.Sidecar.Log));
            await run.StopAsync();
            var twice = run.Samples("a").CountBy(s => s.Timestamp).Where(t => t.Value > 1).ToList();
            Assert.Equal(version == "auto" ? 1 : 0, twice.Count);
        }
    }
}
