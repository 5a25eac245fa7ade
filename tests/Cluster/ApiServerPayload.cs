using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Cluster;

/// <summary>
/// Exposition text of a real kube-apiserver's shape and of any size: long histograms by verb, group and resource, most of their buckets
/// zero, some counters and gauges. The same seed gives the same text; counters grow from scrape to scrape.
/// </summary>
/// <param name="seed">Chooses which series have values.</param>
/// <param name="churn">Share of the series, 0 to 1, that each scrape replaces by new ones.</param>
public sealed class ApiServerPayload(int seed, double churn = 0)
{
    private static readonly string[] DurationBounds =
        ["0.005", "0.025", "0.05", "0.1", "0.2", "0.4", "0.6", "0.8", "1", "1.25", "1.5", "2", "3", "4", "5", "6", "8", "10", "15", "20",
        "30", "45", "60", "+Inf"];

    private static readonly string[] SizeBounds = ["64", "256", "512", "1024", "5120", "10240", "102400", "1e+06", "1e+07", "+Inf"];

    private static readonly string[] Verbs = ["APPLY", "DELETE", "GET", "LIST", "PATCH", "POST", "PUT", "WATCH"];

    /// <summary>Histograms first, as they are most of a real one; each with its share of all samples.</summary>
    private static readonly (string Name, double Share, string[] Bounds, bool IsRequest)[] Histograms =
    [
        ("apiserver_request_body_size_bytes", 0.06, SizeBounds, true),
        ("apiserver_request_duration_seconds", 0.3, DurationBounds, true),
        ("apiserver_request_sli_duration_seconds", 0.27, DurationBounds, true),
        ("apiserver_watch_cache_read_wait_seconds", 0.1, DurationBounds, false),
        ("etcd_request_duration_seconds", 0.2, DurationBounds, false),
    ];

    /// <summary>Writes exactly so many samples.</summary>
    public void Write(IBufferWriter<byte> output, int samples, int scrapeIndex)
    {
        var left = samples;
        foreach (var (name, share, bounds, isRequest) in Histograms)
        {
            var series = (int)(samples * share) / (bounds.Length + 2);
            if (series == 0)
                continue;
            Append(output, $"# HELP {name} [STABLE] Distribution of what the name says, for each verb, group, version, resource and scope.\n# TYPE {name} histogram\n");
            for (var i = 0; i < series; i++)
                WriteHistogram(output, name, bounds, isRequest, Identity(i, scrapeIndex), scrapeIndex);
            left -= series * (bounds.Length + 2);
        }
        if (left >= 2 * ApiServerFamilies.Samples)
        {
            Append(output, ApiServerFamilies.Write(scrapeIndex));
            left -= ApiServerFamilies.Samples;
        }
        var gauges = left / 3;
        Append(output, "# HELP apiserver_storage_objects [STABLE] Number of stored objects at the time of last check split by kind.\n# TYPE apiserver_storage_objects gauge\n");
        for (var i = 0; i < gauges; i++)
            Append(output, $"apiserver_storage_objects{{resource=\"widgets{Identity(i, scrapeIndex)}.example.com\"}} {Value(i, 0) % 100}\n");
        Append(output, "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, group, version, resource and code.\n# TYPE apiserver_request_total counter\n");
        for (var i = 0; i < left - gauges; i++)
        {
            Append(output, $"apiserver_request_total{{code=\"{200 + i % 3}\",component=\"apiserver\",dry_run=\"\",{RequestLabels(Identity(i, scrapeIndex))}}} {Value(i, scrapeIndex)}\n");
        }
    }

    /// <summary>As a target would send it.</summary>
    public byte[] Gzip(int samples, int scrapeIndex)
    {
        var text = new ArrayBufferWriter<byte>(samples * 170 + 4096);
        Write(text, samples, scrapeIndex);
        var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.Optimal))
            gzip.Write(text.WrittenSpan);
        return compressed.ToArray();
    }

    private static string RequestLabels(int identity) =>
        $"group=\"g{identity / 80 % 40}.example.com\",resource=\"widgets{identity / 8}\",scope=\"{(identity % 2 == 0 ? "cluster" : "resource")}\",subresource=\"\",verb=\"{Verbs[identity % Verbs.Length]}\",version=\"v1\"";

    private static void Append(IBufferWriter<byte> output, string text)
    {
        var span = output.GetSpan(Encoding.UTF8.GetMaxByteCount(text.Length));
        output.Advance(Encoding.UTF8.GetBytes(text, span));
    }

    private static void Append(IBufferWriter<byte> output, long value)
    {
        Utf8Formatter.TryFormat(value, output.GetSpan(24), out var written);
        output.Advance(written);
    }

    /// <summary>With churn, some of the series of each scrape are ones that were never there before.</summary>
    private int Identity(int index, int scrapeIndex) =>
        churn > 0 && Mix(index, seed) % 10_000 < churn * 10_000 ? index + 1_000_000 * (1 + scrapeIndex) : index;

    private void WriteHistogram(IBufferWriter<byte> output, string name, string[] bounds, bool isRequest, int identity, int scrapeIndex)
    {
        var labels = isRequest
            ? $"component=\"apiserver\",dry_run=\"\",{RequestLabels(identity)}"
            : $"operation=\"{Verbs[identity % Verbs.Length].ToLowerInvariant()}\",type=\"/registry/example.com/widgets{identity / 8}\"";
        var count = Value(identity, scrapeIndex);
        for (var i = 0; i < bounds.Length; i++)
        {
            Append(output, $"{name}_bucket{{{labels},le=\"{bounds[i]}\"}} ");
            // Most requests are quick: the count is reached after a few buckets.
            Append(output, Math.Min(count, count * (i + 1) * (i + 1) / 12));
            Append(output, "\n");
        }
        var sum = count == 0 ? "0" : (count * 0.00123456789 * (1 + identity % 7)).ToString("R", CultureInfo.InvariantCulture);
        Append(output, $"{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} ");
        Append(output, count);
        Append(output, "\n");
    }

    /// <summary>Two thirds of a real server's series have never counted anything.</summary>
    private long Value(int index, int scrapeIndex)
    {
        var random = Mix(index, seed);
        return random % 3 != 0 ? 0 : random % 500 + scrapeIndex * (1 + random % 5);
    }

    private static long Mix(int index, int salt)
    {
        var x = (ulong)index * 0x9E3779B97F4A7C15 + (ulong)salt * 0xD1B54A32D192ED03;
        x = (x ^ (x >> 31)) * 0xBF58476D1CE4E5B9;
        return (long)((x ^ (x >> 29)) >> 16);
    }
}
