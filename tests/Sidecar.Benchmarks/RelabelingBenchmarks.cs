using BenchmarkDotNet.Attributes;
using Sidecar.Records;
using Sidecar.Relabeling;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Benchmarks;

/// <summary>
/// What metric relabeling costs on the pass that validates and encodes, compression included, beside the same pass without rules. Sets
/// that drop much save more than they cost, so there are sets that drop nothing, too.
/// </summary>
[MemoryDiagnoser]
public class RelabelingBenchmarks
{
    /// <summary>One histogram but for a few buckets, and five families.</summary>
    private const string Typical = """
        [
          {"source_labels":["__name__","le"],"action":"drop",
           "regex":"apiserver_request_duration_seconds_bucket;(0\\.005|0\\.025|0\\.05|0\\.2|0\\.6|0\\.8|1\\.25|1\\.5|2|3|4|6|8|15|20|45|60)(\\.0)?"},
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_request_body_size_bytes_.*"},
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_watch_cache_read_wait_seconds_.*"},
          {"source_labels":["__name__"],"action":"drop","regex":"apiserver_response_sizes_bucket|apiserver_watch_events_sizes_bucket"},
          {"source_labels":["__name__"],"action":"drop","regex":"workqueue_.*_bucket"},
          {"source_labels":["__name__"],"action":"drop","regex":"go_.+"}
        ]
        """;

    private static readonly SeriesTable Table = new();
    private readonly PassContext context = new(2000);
    private TargetLabels target = null!;

    public static IEnumerable<string> Sets => RuleSets.Keys;

    [ParamsSource(nameof(Sets))]
    public string Rules { get; set; } = "";

    private static Dictionary<string, string> RuleSets { get; } = new()
    {
        ["none"] = "[]",
        ["typical"] = Typical,
        ["typical, of other names"] = Typical.Replace("apiserver_", "other_"),
        ["typical, of other buckets"] = Typical.Replace(".*", "x").Replace("0\\\\.", "7\\\\."),
        ["preset apiserver-lean"] = Presets.ApiServerLean,
        ["drop by a value, of all"] = """[{"source_labels":["verb"],"regex":"CONNECT|PROXY","action":"drop"}]""",
        ["labeldrop, of all"] = """[{"regex":"component|dry_run","action":"labeldrop"}]""",
        ["replace by groups, of all"] = """[{"source_labels":["instance"],"regex":"(.+):\\d+","target_label":"node"}]""",
    };

    [GlobalSetup]
    public void SetUp() => target = new TargetLabels(
        [KeyValuePair.Create("instance", "10.0.0.1:6443"), KeyValuePair.Create("job", "apiserver")], [], honorLabels: false,
        SeriesRules.Of(RelabelConfigs.Read(RuleSets[Rules], out _), RelabelRules.None));

    [Benchmark]
    public int Validate_and_encode()
    {
        var (reader, encoder) = (context.Reader, context.Encoder);
        encoder.Begin(target);
        Table.ClearSeen();
        reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var sent = 0;
        while (reader.Read())
        {
            if (encoder.Begin(reader.Sample, out var hash) != SeriesOutcome.Sent)
                continue;
            Table.Add(hash);
            encoder.Commit(reader.Sample.Value, 1_800_000_000_000);
            sent++;
            if (encoder.IsFull)
                encoder.Take()!.Release();
        }
        encoder.Take()?.Release();
        return sent;
    }
}
