using System.Net.Http;
using Cluster.Campaigns;

namespace Sidecar.Tests.StandIns;

/// <summary>The test of the test: what a campaign holds against its targets is found, each kind of wrong as what it is.</summary>
public sealed class TargetTrialTests : IAsyncLifetime
{
    private const ulong Marker = TargetTrial.Marker;

    private readonly CampaignLog log = new(null);
    private readonly ServedSeries series = new(7);
    private readonly Verdict verdict = new(new CampaignOptions("", 7, TimeSpan.Zero));
    private readonly SortedDictionary<long, Dictionary<string, ulong>> arrived = [];
    private readonly Spells spells;
    private readonly CampaignTarget target;

    public TargetTrialTests()
    {
        spells = new Spells(log);
        target = new CampaignTarget(0, 7, series, new RefusedTurn(TimeSpan.FromHours(1)));
    }

    /// <summary>Three scrapes, all of which have arrived with the right markers.</summary>
    public async ValueTask InitializeAsync()
    {
        await target.StartAsync();
        using var client = new HttpClient();
        for (var i = 0; i < 3; i++)
        {
            await client.GetAsync($"http://127.0.0.1:{target.Port}/metrics");
            await Task.Delay(20);
        }
        HashSet<string> live = [];
        foreach (var scrape in target.Scrapes)
        {
            var body = series.Of(0, target.Port, scrape.Ordinal, withRefused: false);
            var samples = new Dictionary<string, ulong>(body.Arriving);
            (string, double)[] reports = [("up", 1), ("scrape_duration_seconds", 0.01), ("scrape_samples_scraped", body.Lines.Count),
                ("scrape_samples_post_metric_relabeling", body.Kept), ("scrape_series_added", 0)];
            foreach (var (name, value) in reports)
                samples[ServedSeries.Name(name, target.Port)] = BitConverter.DoubleToUInt64Bits(value);
            foreach (var vanished in live.Except(body.Arriving.Keys))
                samples[vanished] = Marker;
            live = [.. body.Arriving.Keys];
            arrived[scrape.Arrival] = samples;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await target.DisposeAsync();
        log.Dispose();
    }

    [Fact]
    public void What_has_arrived_as_served_is_fine()
    {
        Judge();
        Assert.Empty(verdict.Findings);
        Assert.Equal((3, 3, 0), (verdict.Served, verdict.Arrived, verdict.Lost));
        Assert.InRange(verdict.Markers, 1, int.MaxValue);
    }

    public static TheoryData<string, string> Wrongs => new()
    {
        { "scrape missing", "lost" },
        { "sample missing", "lost" },
        { "up missing", "lost" },
        { "report wrong", "value" },
        { "value of another scrape", "value" },
        { "scrape twice", "value" },
        { "label wrong", "labels" },
        { "marker missing", "marker" },
        { "marker of a series that never was", "marker" },
        { "marker of a living series", "marker" },
        { "end of a living target", "marker" },
        { "order of scrapes", "order" },
        { "long before it was asked for", "order" },
    };

    [Theory, MemberData(nameof(Wrongs))]
    public void Each_kind_of_wrong_is_found(string wrong, string kind)
    {
        var (second, samples) = arrived.ElementAt(1);
        var steady = samples.Keys.First(k => k.StartsWith("campaign_steady", StringComparison.Ordinal));
        var marked = samples.First(s => s.Value == Marker).Key;
        switch (wrong)
        {
            case "scrape missing": arrived.Remove(arrived.Keys.Last()); break;
            case "sample missing": samples.Remove(steady); break;
            case "up missing": samples.Remove(ServedSeries.Name("up", target.Port)); break;
            case "report wrong": samples[ServedSeries.Name("scrape_samples_scraped", target.Port)]++; break;
            case "value of another scrape": samples[steady] = arrived.Values.First()[steady]; break;
            case "scrape twice": arrived[second + 1] = samples; break;
            case "label wrong":
                samples[steady.Replace("w=\"", "w=\"0", StringComparison.Ordinal)] = samples[steady];
                samples.Remove(steady);
                break;
            case "marker missing": samples.Remove(marked); break;
            case "marker of a series that never was": samples[steady + "?"] = Marker; break;
            case "marker of a living series": samples[steady] = Marker; break;
            case "end of a living target":
                var ended = arrived.Values.Last().Where(s => s.Value != Marker);
                arrived[arrived.Keys.Last() + 1] = ended.ToDictionary(s => s.Key, _ => Marker);
                break;
            case "order of scrapes":
                (arrived[second], arrived[arrived.Keys.Last()]) = (arrived[arrived.Keys.Last()], arrived[second]);
                break;
            case "long before it was asked for":
                arrived[arrived.Keys.First() - 5000] = arrived.Values.First();
                arrived.Remove(arrived.Keys.ElementAt(1));
                break;
        }
        Judge();
        Assert.Contains(verdict.Findings, f => f.StartsWith(kind + ":", StringComparison.Ordinal));
    }

    /// <summary>
    /// It is asked for again after four intervals, while the disk is frozen; only what is wrong with itself is an excuse.
    /// </summary>
    [Theory]
    [InlineData(Faults.DiskFrozen, true)]
    [InlineData(Faults.Stop, false)]
    public async Task A_target_that_is_not_asked_is_found(Faults meanwhile, bool isFound)
    {
        using (spells.Begin(meanwhile, "meanwhile"))
            await Task.Delay(4 * FaultCampaign.Interval);
        using var client = new HttpClient();
        await client.GetAsync($"http://127.0.0.1:{target.Port}/metrics");
        Judge();
        Assert.Equal(isFound, verdict.Findings.Any(f => f.StartsWith("silence:", StringComparison.Ordinal)));
    }

    private void Judge() => new TargetTrial(target, series, arrived, spells, [], verdict).Judge();
}
