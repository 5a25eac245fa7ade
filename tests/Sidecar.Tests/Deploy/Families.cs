using System.Buffers;
using System.Text.RegularExpressions;
using System.Text;
using Cluster;
using Sidecar.Telemetry;
using Sidecar.Tests.Repository;

namespace Sidecar.Tests.Deploy;

/// <summary>The metrics that there are, by the names of their samples, each with its label names.</summary>
internal static partial class Families
{
    /// <summary>Those of a captured kube-apiserver.</summary>
    public static Dictionary<string, string[]> OfApiServer()
    {
        var series = new Dictionary<string, string[]>();
        foreach (var line in RepositoryFiles.Read("tests", "Sidecar.Tests", "Deploy", "apiserver-families.txt").Split('\n'))
        {
            if (line.Split(' ') is not [var name, var type and ("counter" or "gauge" or "histogram" or "summary"), .. var labels])
                continue;
            var own = labels is [var list] ? list.Split(',', StringSplitOptions.RemoveEmptyEntries) : [];
            var suffixes = type switch
            {
                "histogram" => (string[])["_bucket", "_sum", "_count"],
                "summary" => ["", "_sum", "_count"],
                _ => [""],
            };
            foreach (var suffix in suffixes)
                series[name + suffix] = suffix == "_bucket" ? [.. own, "le"] : own;
        }
        return series;
    }

    /// <summary>Those that the sidecar has of itself.</summary>
    public static Dictionary<string, string[]> OfSidecar()
    {
        var output = new ArrayBufferWriter<byte>();
        new Metrics(new Uri("http://receiver/write"), "apiserver", TimeSpan.FromSeconds(15), TimeProvider.System).Write(output);
        return Read(output);
    }

    /// <summary>Those of the payload that the stand-ins serve.</summary>
    public static Dictionary<string, string[]> OfStandIn()
    {
        var output = new ArrayBufferWriter<byte>();
        new ApiServerPayload(seed: 1).Write(output, 15_000, scrapeIndex: 1);
        return Read(output);
    }

    private static Dictionary<string, string[]> Read(ArrayBufferWriter<byte> text)
    {
        var series = new Dictionary<string, string[]>();
        foreach (Match sample in SamplePattern().Matches(Encoding.UTF8.GetString(text.WrittenSpan)))
            series[sample.Groups[1].Value] = [.. LabelPattern().Matches(sample.Groups[2].Value).Select(m => m.Groups[1].Value)];
        return series;
    }

    [GeneratedRegex(@"^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{.*\})? ", RegexOptions.Multiline)]
    private static partial Regex SamplePattern();

    [GeneratedRegex("(?<=[{,])([a-z_]+)=\"")]
    private static partial Regex LabelPattern();
}
