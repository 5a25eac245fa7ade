using System.Text;
using Sidecar.Exposition;
using Sidecar.Tests.Exposition;

namespace Sidecar.Tests.Fuzzing;

/// <summary>Any bytes as OpenMetrics, and as Prometheus text beside it.</summary>
public sealed class OpenMetricsFuzzTests
{
    private static readonly byte[][] Words =
    [
        .. new[]
        {
            "# EOF\n", "# TYPE a counter\n", "# TYPE a histogram\n", "# HELP a b\n", "# UNIT a_s s\n", " # {", "# {a=\"b\"} 1 2\n", "{",
                "}", "\"", "\\", "\\n", "\\\"",
            "\n", " ", "\t", ",", "=", "1", "-1.5e10", "NaN", "+Inf", "le=\"1\"", "quantile=\"0.50\"", "__name__", "\0", "é", "\u2028",
            "_created", "a{b=\"c\"} 1\n",
            "{\"a b\",\"c d\"=\"e\"} 1\n", "9223372036854775807", "1e400",
        }.Select(Encoding.UTF8.GetBytes),
        [0xff], [0xc3], [0xed, 0xa0, 0x80],
    ];

    [Fact]
    public void Any_bytes_are_samples_or_a_parse_error_as_open_metrics()
    {
        using var fuzz = new ExpositionFuzz(
        BodyFormat.OpenMetricsText100,
        [.. OpenMetricsParserTests.Good.Select(r => Encoding.UTF8.GetBytes(r.Data.Item1 + "# EOF\n")),
        .. OpenMetricsParserTests.Bad.Select(r => Encoding.UTF8.GetBytes(r.Data.Item1)),
        .. HistogramConversionTests.Seeds.Select(s => (byte[])[.. s, .. "# EOF\n"u8])],
        Words);
        fuzz.Run();
    }

    [Fact]
    public void Any_bytes_are_samples_or_a_parse_error_as_prometheus_text()
    {
        using var fuzz = new ExpositionFuzz(
        BodyFormat.PrometheusText100,
        [.. TextParserTests.Good.Concat(TextParserTests.Bad).Select(r => Encoding.UTF8.GetBytes(r.Data.Item1)),
        .. OpenMetricsParserTests.Good.Select(r => Encoding.UTF8.GetBytes(r.Data.Item1)), .. HistogramConversionTests.Seeds],
        Words);
        fuzz.Run();
    }
}
