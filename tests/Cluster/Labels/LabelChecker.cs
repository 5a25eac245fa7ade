using System.Collections;
using System.Collections.Concurrent;
using System.Globalization;
using Cluster.Wire;

namespace Cluster.Labels;

/// <summary>
/// Compares every label of every series that arrives with what the rules make of it, and keeps no series: of each scrape one bit for each,
/// until it is complete.
/// </summary>
public sealed class LabelChecker(LabelTargets targets, int series)
{
    /// <summary>
    /// Three rules with groups on the value that differs, one of them for a tenth of the series; and write relabeling that reads what the
    /// first has made.
    /// </summary>
    public const string MetricRules = """
        [{"source_labels":["v"],"regex":"([a-z]+)-(\\d+)","target_label":"w","replacement":"$2:$1"},
         {"source_labels":["v"],"regex":"[a-z]+-(\\d*)7","target_label":"seven","replacement":"x$1"},
         {"source_labels":["instance","v"],"regex":"(.+):(\\d+);(.)(.*)-(.*)","target_label":"p","replacement":"$3$5$2"}]
        """;

    /// <inheritdoc cref="MetricRules"/>
    public const string WriteRules = """[{"source_labels":["w"],"regex":"(\\d+):(.*)","target_label":"u","replacement":"$2/$1"}]""";

    private readonly Dictionary<(int Target, long Timestamp), (BitArray Seen, int Count)> scrapes = [];
    private readonly ConcurrentQueue<string> examples = [];
    private readonly int[] complete = new int[targets.Ports.Count];
    private readonly HashSet<(int Target, long Timestamp)> finished = [];
    private readonly object gate = new();
    private long received;
    private long wrong;
    private long twice;
    private int failed;

    /// <summary>Series that arrived, without the five of each scrape.</summary>
    public long Received => Interlocked.Read(ref received);

    /// <summary>Of these, those that have another label than they must have.</summary>
    public long Wrong => Interlocked.Read(ref wrong);

    /// <summary>Of these, those that were there already.</summary>
    public long Twice => Interlocked.Read(ref twice);

    /// <summary>Scrapes whose <c>up</c> is not 1.</summary>
    public int Failed => Volatile.Read(ref failed);

    /// <summary>Some of what is wrong.</summary>
    public IReadOnlyCollection<string> Examples => examples;

    /// <summary>Scrapes of which every series has arrived, by target.</summary>
    public IReadOnlyList<int> Complete
    {
        get
        {
            lock (gate)
                return [.. complete];
        }
    }

    public void Check(WriteRequest request)
    {
        foreach (var one in request.Timeseries)
        {
            var labels = one.Labels;
            var name = labels.FirstOrDefault(l => l.Name == "__name__")?.Value;
            // A marker follows a scrape that failed, and that is counted.
            if (name == "m" && !Receiver.IsMarker(one.Samples[0].Value))
            {
                Interlocked.Increment(ref received);
                CheckSeries(one);
            }
            else if (name == "up" && one.Samples[0].Value != 1)
                Interlocked.Increment(ref failed);
        }
    }

    private void CheckSeries(TimeSeries one)
    {
        var instance = Value(one, "instance");
        var target = instance.LastIndexOf(':') is >= 0 and var colon && int.TryParse(instance.AsSpan(colon + 1), out var port)
            ? Enumerable.Range(0, targets.Ports.Count).FirstOrDefault(t => targets.Ports[t] == port, -1) : -1;
        // The value of the sample tells which series it is, whatever became of its labels.
        var number = (int)one.Samples[0].Value;
        if (target < 0 || number < 0 || number >= series || !IsRight(one, target, number))
        {
            if (Interlocked.Increment(ref wrong) <= 5)
                examples.Enqueue(string.Join(',', one.Labels.Select(l => $"{l.Name}=\"{l.Value}\"")) + " "
                    + one.Samples[0].Value.ToString(CultureInfo.InvariantCulture));
            return;
        }
        Note(target, number, one.Samples[0].Timestamp);
    }

    private bool IsRight(TimeSeries one, int target, int number)
    {
        var (word, digits, port) = (LabelTargets.Word(target), number.ToString(CultureInfo.InvariantCulture), targets.Ports[target]);
        var expected = new List<(string Name, string Value)> { ("__name__", "m"), ("instance", $"127.0.0.1:{port}"), ("job", "labels") };
        expected.Add(("p", $"{word[0]}{digits}{port}"));
        if (digits[^1] == '7')
            expected.Add(("seven", $"x{digits[..^1]}"));
        expected.Add(("u", $"{word}/{digits}"));
        expected.Add(("v", $"{word}-{digits}"));
        expected.Add(("w", $"{digits}:{word}"));
        if (one.Labels.Count != expected.Count)
            return false;
        for (var i = 0; i < expected.Count; i++)
        {
            if (one.Labels[i].Name != expected[i].Name || one.Labels[i].Value != expected[i].Value)
                return false;
        }
        return true;
    }

    private void Note(int target, int number, long timestamp)
    {
        lock (gate)
        {
            var key = (target, timestamp);
            if (finished.Contains(key))
            {
                twice++;
                return;
            }
            var (seen, count) = scrapes.TryGetValue(key, out var known) ? known : (new BitArray(series), 0);
            if (seen[number])
            {
                twice++;
                return;
            }
            seen[number] = true;
            scrapes[key] = (seen, ++count);
            if (count < series)
                return;
            scrapes.Remove(key);
            finished.Add(key);
            complete[target]++;
        }
    }

    private static string Value(TimeSeries one, string name) => one.Labels.FirstOrDefault(l => l.Name == name)?.Value ?? "";
}
