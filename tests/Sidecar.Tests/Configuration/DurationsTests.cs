using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class DurationsTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0s", 0)]
    [InlineData("1ms", 1)]
    [InlineData("007ms", 7)]
    [InlineData("15s", 15_000)]
    [InlineData("90s", 90_000)]
    [InlineData("1m30s", 90_000)]
    [InlineData("1m1ms", 60_001)]
    [InlineData("2h", 7_200_000)]
    [InlineData("1d", 86_400_000)]
    [InlineData("1w", 604_800_000)]
    [InlineData("1y", 31_536_000_000)]
    [InlineData("1d2h3m4s5ms", 93_784_005)]
    [InlineData("1y1w1d1h1m1s1ms", 31_536_000_000 + 604_800_000 + 86_400_000 + 3_661_001)]
    [InlineData("9223372036854ms", 9_223_372_036_854)]
    [InlineData("292y", 292L * 31_536_000_000)]
    public void Reads_what_Prometheus_reads(string text, long milliseconds)
    {
        var parsed = Durations.Parse(text);
        Assert.Null(parsed.Problem);
        Assert.Equal(TimeSpan.FromMilliseconds(milliseconds), parsed.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("15")]
    [InlineData("00")]
    [InlineData("s")]
    [InlineData("15 s")]
    [InlineData(" 15s")]
    [InlineData("15s ")]
    [InlineData("1.5s")]
    [InlineData("-1s")]
    [InlineData("+1s")]
    [InlineData("1S")]
    [InlineData("1sec")]
    [InlineData("1us")]
    [InlineData("1µs")]
    [InlineData("1s1m")]
    [InlineData("1s1s")]
    [InlineData("1ms1s")]
    [InlineData("1m30")]
    [InlineData("s1")]
    [InlineData("PT15S")]
    [InlineData("00:00:15")]
    [InlineData("١s")]
    [InlineData("293y")]
    [InlineData("9223372036855ms")]
    [InlineData("292y52w")]
    [InlineData("99999999999999999999999s")]
    public void Rejects_what_Prometheus_rejects(string text) => Assert.NotNull(Durations.Parse(text).Problem);

    [Theory]
    [InlineData("99ms", false)]
    [InlineData("100ms", true)]
    [InlineData("1m", true)]
    [InlineData("1m1ms", false)]
    public void Bounds_are_included(string text, bool good)
    {
        var parse = Durations.Within(TimeSpan.FromMilliseconds(100), TimeSpan.FromMinutes(1));
        Assert.Equal(good, parse(text).Problem is null);
    }

    [Theory]
    [InlineData("0", "0s")]
    [InlineData("90s", "1m30s")]
    [InlineData("90d", "90d")]
    [InlineData("14d", "2w")]
    [InlineData("365d", "1y")]
    [InlineData("366d", "366d")]
    [InlineData("1500ms", "1s500ms")]
    public void Formats_as_Prometheus_does(string text, string formatted) =>
        Assert.Equal(formatted, Durations.Format(Durations.Parse(text).Value));

    [Fact]
    public void Formatted_durations_read_back() => CsCheck.Check.Sample(CsCheck.Gen.Long[0, 9_223_372_036_854], milliseconds =>
    {
        var duration = TimeSpan.FromMilliseconds(milliseconds);
        Assert.Equal(duration, Durations.Parse(Durations.Format(duration)).Value);
    }, iter: 2000);
}
