namespace Cluster.Campaigns;

/// <summary>
/// Holds what arrived of one target, in the order of timestamps, against what it served: values and labels exactly, markers exactly where a
/// series was there and is not any more.
/// </summary>
public sealed class TargetTrial(
    CampaignTarget target, ServedSeries series, IReadOnlyDictionary<long, Dictionary<string, ulong>> arrived, Spells spells,
    Damaged[] damaged, Verdict verdict)
{
    public const ulong Marker = 0x7ff0000000000002;

    /// <summary>From the last byte that a target hands over to the file that has the scrape, on a busy machine.</summary>
    private const long Window = 1000;

    /// <summary>From the timestamp of a scrape to its request at the target, on a busy machine; less than an interval.</summary>
    private const long LongestAsking = 700;

    /// <summary>How long what could not be written may go on waiting in memory: a long spell of the receiver and more.</summary>
    private const long LongestInMemory = 60_000;

    private const Faults Disk = Faults.DiskFull | Faults.DiskFrozen;
    private const Faults Endings = Faults.Kill | Faults.Terminate;

    private static readonly string[] Reports =
        ["up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"];

    private readonly string[] reports = [.. Reports.Select(r => ServedSeries.Name(r, target.Port))];
    private readonly Dictionary<int, ServedScrape> scrapes = target.Scrapes.ToDictionary(s => s.Ordinal);
    private readonly Dictionary<int, long> good = []; // timestamps by ordinal
    private readonly List<long> failed = [];

    private HashSet<string> live = [];
    private bool isUnsure; // a scrape may be lost, and with it what was known of the series
    private long last = long.MinValue;
    private int lastOrdinal;

    public void Judge()
    {
        foreach (var (timestamp, samples) in arrived)
        {
            // What may be lost between two scrapes leaves it open which series there were.
            isUnsure |= damaged.Any(d => d.Target == target.Number && d.Timestamp > last && d.Timestamp <= timestamp)
                || MayHaveForgotten(last, timestamp) || MayBePart(timestamp);
            if (!samples.TryGetValue(reports[0], out var up))
                JudgePart(timestamp, samples);
            else if (up == Marker)
                JudgeEnd(timestamp, samples);
            else if (up == BitConverter.DoubleToUInt64Bits(1))
                JudgeGood(timestamp, samples);
            else
                JudgeFailed(timestamp, samples);
            last = timestamp;
        }
        Account();
        FindSilence();
    }

    private void JudgeGood(long timestamp, Dictionary<string, ulong> samples)
    {
        if (!samples.TryGetValue(ServedSeries.Name("campaign_ordinal", target.Port), out var bits))
        {
            JudgePart(timestamp, samples);
            return;
        }
        var ordinal = ServedSeries.Ordinal(BitConverter.UInt64BitsToDouble(bits));
        if (!scrapes.TryGetValue(ordinal, out var scrape) || !scrape.IsGood)
        {
            verdict.Find("value", $"{At(timestamp)} scrape {ordinal} was not served, or not as a good one: {scrape}");
            return;
        }
        var body = series.Of(target.Number, target.Port, ordinal, scrape.HasRefused);
        foreach (var (name, value) in samples)
        {
            if (body.Arriving.TryGetValue(name, out var served))
            {
                if (value == Marker)
                    verdict.Find("marker", $"{At(timestamp)} for {name}, which scrape {ordinal} has");
                else if (value != served)
                    verdict.Find("value", $"{At(timestamp)} {name} of scrape {ordinal}: bits {value:x}, served {served:x}");
            }
            else if (value != Marker && !reports.Contains(name))
                verdict.Find("labels", $"{At(timestamp)} scrape {ordinal} has no {name}");
        }
        var missing = body.Arriving.Keys.Concat(reports).Where(k => !samples.ContainsKey(k)).ToArray();
        if (missing.Length > 0)
        {
            JudgePart(timestamp, samples);
            return;
        }
        if (ordinal <= lastOrdinal)
            verdict.Find("order", $"{At(timestamp)} scrape {ordinal} after {lastOrdinal}");
        lastOrdinal = Math.Max(lastOrdinal, ordinal);
        if (!good.TryAdd(ordinal, timestamp))
            verdict.Find("value", $"{At(timestamp)} scrape {ordinal} has arrived at {good[ordinal]} already");
        JudgeTime(timestamp, scrape);

        Expect("scrape_samples_scraped", body.Lines.Count);
        Expect("scrape_samples_post_metric_relabeling", body.Kept);
        var now = body.Arriving.Keys.ToHashSet();
        if (body.Refused is { } refused)
            now.Add(refused);
        JudgeMarkers(timestamp, samples, live.Where(l => !now.Contains(l)));
        live = now;
        isUnsure = false;

        void Expect(string report, int value)
        {
            var told = samples[ServedSeries.Name(report, target.Port)];
            if (told != BitConverter.DoubleToUInt64Bits(value))
                verdict.Find("value", $"{At(timestamp)} {report} of scrape {ordinal} has bits {told:x}, not those of {value}");
        }
    }

    private void JudgeFailed(long timestamp, Dictionary<string, ulong> samples)
    {
        failed.Add(timestamp);
        foreach (var (name, value) in samples)
        {
            if (value != Marker && !reports.Contains(name))
                verdict.Find("value", $"{At(timestamp)} up is 0, and yet there is {name}");
        }
        JudgeMarkers(timestamp, samples, live);
        live = [];
    }

    private void JudgeEnd(long timestamp, Dictionary<string, ulong> samples)
    {
        verdict.Ends++;
        if (!spells.Any(timestamp - 1500, timestamp + 1500, Faults.Targets, target.Number))
            verdict.Find("marker", $"{At(timestamp)} all series end, and the target was there");
        JudgeMarkers(timestamp, samples, live.Concat(reports));
        foreach (var name in samples.Where(s => s.Value != Marker).Select(s => s.Key))
            verdict.Find("marker", $"{At(timestamp)} the target ends, and yet there is {name}");
        live = [];
        isUnsure = false;
    }

    /// <summary>Some of its samples, for good: the rest was in memory when the process ended, or in a damaged file; else lost.</summary>
    private void JudgePart(long timestamp, Dictionary<string, ulong> samples)
    {
        isUnsure = true;
        if (!MayBePart(timestamp))
            verdict.Find("lost", $"{At(timestamp)} the scrape is not whole: {samples.Count} samples have arrived, {samples.First().Key}");
    }

    private bool MayBePart(long timestamp) =>
        damaged.Any(d => d.Target == target.Number && d.Timestamp == timestamp)
        || spells.Within(timestamp, timestamp + LongestInMemory, Endings).Any(e => WaitedInMemory(timestamp, e.From));

    private void JudgeMarkers(long timestamp, Dictionary<string, ulong> samples, IEnumerable<string> wanted)
    {
        var expected = wanted.ToHashSet();
        var markers = samples.Where(s => s.Value == Marker).Select(s => s.Key).ToHashSet();
        verdict.Markers += markers.Count;
        if (isUnsure)
            return;
        // A series that the receiver has refused need not be ended there.
        var missing = expected.Where(e => !markers.Contains(e) && !e.StartsWith(ServedSeries.RefusedName, StringComparison.Ordinal))
            .ToArray();
        var extra = markers.Where(m => !expected.Contains(m)).ToArray();
        if (missing.Length > 0)
        {
            verdict.Find("marker", $"{At(timestamp)} {missing.Length} of {expected.Count} are missing, {missing[0]}; "
                + $"the scrape before was at {last}");
        }
        if (extra.Length > 0)
        {
            verdict.Find("marker", $"{At(timestamp)} {extra.Length} are there for series that were not, {extra[0]}; "
                + $"the scrape before was at {last}");
        }
    }

    private void JudgeTime(long timestamp, ServedScrape scrape)
    {
        var late = scrape.Arrival - timestamp;
        if (late is < -100 or > 2000 && !spells.Any(timestamp - 1000, scrape.Arrival, Faults.Stop))
            verdict.Find("order", $"{At(timestamp)} scrape {scrape.Ordinal} was asked for {late} ms later");
    }

    private void Account()
    {
        var told = new Queue<long>(failed.Order());
        foreach (var scrape in scrapes.Values.OrderBy(s => s.Arrival))
        {
            while (told.TryPeek(out var old) && old < scrape.Arrival - LongestAsking)
                told.Dequeue();
            var isTold = !good.ContainsKey(scrape.Ordinal) && told.TryPeek(out var at) && at <= scrape.Arrival + 100;
            var toldAt = isTold ? told.Dequeue() : 0;
            if (scrape.IsGood && scrape.Served > 0)
                AccountGood(scrape, isTold ? toldAt : null);
            else if (!scrape.IsGood)
            {
                verdict.Failing++;
                verdict.FailingTold += isTold ? 1 : 0;
            }
        }
    }

    private void AccountGood(ServedScrape scrape, long? told)
    {
        var read = Read(scrape);
        var ending = spells.Within(scrape.Arrival, read, Endings).Length > 0;
        verdict.Served++;
        verdict.InFlight += ending ? 1 : 0;
        if (good.ContainsKey(scrape.Ordinal))
        {
            verdict.Arrived++;
            verdict.InFlightArrived += ending ? 1 : 0;
            return;
        }
        if (ending)
            return;
        if (told is { } at)
        {
            var duration = arrived[at].TryGetValue(reports[1], out var bits) ? BitConverter.UInt64BitsToDouble(bits) : 0;
            if (duration >= 0.95 * FaultCampaign.Timeout.TotalSeconds)
                verdict.TimedOut++;
            else if (!spells.Any(scrape.Arrival, scrape.Served + 500, Faults.Targets, target.Number))
                Lose($"was told as failed after {duration:0.000} s, at {at}");
            else
                verdict.Served--; // what was handed over was cut with its connection
        }
        else if (damaged.Any(d => d.Target == target.Number
            && d.Timestamp <= scrape.Arrival + 100 && d.Timestamp >= scrape.Arrival - LongestAsking))
            verdict.LostDamaged++;
        else if (spells.Within(scrape.Served, scrape.Served + LongestInMemory, Endings).Any(e => WaitedInMemory(scrape.Served, e.From)))
            verdict.LostInMemory++;
        else
            Lose("is not at the receiver");

        void Lose(string how)
        {
            verdict.Lost++;
            var around = spells.Within(scrape.Arrival - 3000, scrape.Served + 3000, Faults.All).Select(s => $"{s.What} {s.From}–{s.To}");
            verdict.Find("lost", $"target {target.Number}, scrape {scrape.Ordinal}, {scrape.Arrival} to {scrape.Served}, {how}; "
                + string.Join("; ", around));
        }
    }

    /// <summary>When the sidecar must have it in the queue: later by a while in which it was stopped.</summary>
    private long Read(ServedScrape scrape)
    {
        var read = scrape.Served + Window;
        foreach (var stop in spells.Within(scrape.Arrival, read, Faults.Stop))
            read = Math.Max(read, Math.Min(stop.To, Spells.Now) + Window);
        return read;
    }

    /// <summary>The disk took nothing when the scrape was to be written, so it stayed in memory, until the process ended.</summary>
    private bool WaitedInMemory(long served, long end) => spells.Any(served - 1000, Math.Min(served + 1500, end), Faults.DiskFull)
        || spells.Any(served - 1000, Math.Min(served + 6000, end), Faults.DiskFrozen);

    /// <summary>
    /// A process has ended and had something in memory only: scrapes between these two, which are lost with their markers, or the first of
    /// them, which was sent and of which the next process knows nothing.
    /// </summary>
    private bool MayHaveForgotten(long from, long to) =>
        from != long.MinValue && ((spells.Any(from - 1000, to, Disk) && spells.Any(from, to + LongestInMemory, Endings))
            || spells.Within(from, to + 1000, Endings).Any(e => spells.Any(from - LongestInMemory, e.From, Disk)));

    /// <summary>While nothing is wrong with process, discovery and target, scrapes come, whatever receiver and disk do.</summary>
    private void FindSilence()
    {
        const Faults Own = Endings | Faults.Stop | Faults.Targets | Faults.ApiServer;
        var interval = (long)FaultCampaign.Interval.TotalMilliseconds;
        long? before = null;
        foreach (var arrival in scrapes.Values.Select(s => s.Arrival).Order())
        {
            if (before is { } from)
            {
                // Only the time in which it could have been asked; after a fault there is some more to do than to ask.
                foreach (var spell in spells.Within(from - 2 * interval, arrival, Own, target.Number).OrderBy(s => s.From))
                {
                    Say(from, spell.From);
                    from = Math.Max(from, Math.Min(spell.To, arrival) + 2 * interval);
                }
                Say(from, arrival);
            }
            before = arrival;
        }

        void Say(long from, long to)
        {
            if (to - from <= 3 * interval)
                return;
            verdict.Find("silence", $"target {target.Number} was not asked for {to - from} ms from {from}; "
                + string.Join("; ", spells.Within(from, to, Faults.All).Select(s => s.What)));
        }
    }

    private string At(long timestamp) =>
        $"target {target.Number} at {timestamp} ({DateTimeOffset.FromUnixTimeMilliseconds(timestamp):HH:mm:ss.fff})";
}
