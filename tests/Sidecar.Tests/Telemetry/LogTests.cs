using System.Text;
using System.Text.Json;
using CsCheck;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Primitives;
using Sidecar.Telemetry;
using static System.StringComparison;

namespace Sidecar.Tests.Telemetry;

public sealed class LogTests : IDisposable
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 23, 7, 0, 0, TimeSpan.Zero));
    private readonly StringWriter output = new();

    public void Dispose() => output.Dispose();

    private Log Make(LogFormat format = LogFormat.Logfmt, LogLevel level = LogLevel.Info) => new(output, level, format, time);

    private string[] Lines() => output.ToString().Split('\n', StringSplitOptions.RemoveEmptyEntries);

    public static TheoryData<object?, string> LogfmtValues => new()
    {
        { "plain", " k=plain" },
        { "http://10.0.0.1:6443/metrics", " k=http://10.0.0.1:6443/metrics" },
        { @"C:\x", @" k=C:\x" },
        { "größe", " k=größe" },
        { "", " k=\"\"" },
        { "two words", " k=\"two words\"" },
        { "a=b", " k=\"a=b\"" },
        { "say \"hi\"", " k=\"say \\\"hi\\\"\"" },
        { "back\\slash here", " k=\"back\\\\slash here\"" },
        { "x\nlevel=error msg=forged", " k=\"x\\nlevel=error msg=forged\"" },
        { "\r\t\0\u001b[31m\u007f\u0085", " k=\"\\r\\t\\u0000\\u001b[31m\\u007f\\u0085\"" },
        { "\u2028\u2029\u202e", " k=\"\\u2028\\u2029\\u202e\"" },
        { "\ud800 alone", " k=\"\\ufffd alone\"" },
        { "\udc00", " k=\"\\ufffd\"" },
        { "😀", " k=\"😀\"" },
        { 42, " k=42" },
        { -7L, " k=-7" },
        { 1.5, " k=1.5" },
        { double.NaN, " k=NaN" },
        { true, " k=true" },
        { TimeSpan.FromSeconds(1.5), " k=1.5s" },
        { new DateTimeOffset(2026, 1, 2, 4, 4, 5, 6, TimeSpan.FromHours(1)), " k=2026-01-02T03:04:05.006Z" },
        { KubernetesRole.EndpointSlice, " k=endpointslice" },
        { FailureReason.ConnectionRefused, " k=connection_refused" },
        { new Uri("http://h/"), " k=http://h/" },
        { null, "" },
    };

    [Theory]
    [MemberData(nameof(LogfmtValues))]
    public void Logfmt_quotes_and_escapes_only_what_needs_it(object? value, string expected)
    {
        Make().Info("hello", ("k", value));
        Assert.Equal($"ts=2026-11-23T07:00:00.000Z level=info msg=hello{expected}\n", output.ToString());
    }

    [Fact]
    public void Any_text_stays_one_value_of_one_line() => Gen.Char.Array[0, 12].Select(c => new string(c)).Sample(text =>
    {
        using var stream = new StringWriter();
        new Log(stream, LogLevel.Info, LogFormat.Logfmt, time).Info("m", ("k", text));
        var line = stream.ToString();
        Assert.StartsWith("ts=2026-11-23T07:00:00.000Z level=info msg=m k=", line, Ordinal);
        Assert.EndsWith("\n", line, Ordinal);
        var value = line[line.IndexOf("k=", Ordinal)..][2..^1];
        Assert.DoesNotContain(value, char.IsControl);
        if (value.StartsWith('"'))
        {
            using var quoted = JsonDocument.Parse(value); // the quoting is JSON's
            Assert.Equal(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text)), quoted.RootElement.GetString());
        }
        else
        {
            Assert.Equal(text, value);
            Assert.DoesNotContain(' ', value);
        }
    });

    [Fact]
    public void Logfmt_message_with_spaces_is_quoted_and_odd_keys_cannot_break_a_line()
    {
        Make().Warn("two words", ("a b\n=\"", "v"));
        Assert.Equal("ts=2026-11-23T07:00:00.000Z level=warn msg=\"two words\" a_b___=v\n", output.ToString());
    }

    [Fact]
    public void Json_keeps_kinds_and_is_one_object_a_line()
    {
        Make(LogFormat.Json).Error("it \"broke\"\n", ("n", 42), ("l", -7L), ("f", 1.5), ("nan", double.NaN), ("b", true), ("none", null),
            ("d", TimeSpan.FromMinutes(1.5)), ("r", FailureReason.DnsLookup), ("s", "\ud800\n\u2028\u0085ü<>"), ("k\n", 1));
        var text = output.ToString();
        Assert.Equal(text.Length - 1, text.IndexOfAny(['\n', '\r', '\u2028', '\u0085']));
        using var json = JsonDocument.Parse(text);
        var root = json.RootElement;
        Assert.Equal("2026-11-23T07:00:00.000Z", root.GetProperty("ts").GetString());
        Assert.Equal("error", root.GetProperty("level").GetString());
        Assert.Equal("it \"broke\"\n", root.GetProperty("msg").GetString());
        Assert.Equal(42, root.GetProperty("n").GetInt32());
        Assert.Equal(-7, root.GetProperty("l").GetInt64());
        Assert.Equal(1.5, root.GetProperty("f").GetDouble());
        Assert.Equal("NaN", root.GetProperty("nan").GetString());
        Assert.True(root.GetProperty("b").GetBoolean());
        Assert.False(root.TryGetProperty("none", out _));
        Assert.Equal("1m30s", root.GetProperty("d").GetString());
        Assert.Equal("dns_lookup", root.GetProperty("r").GetString());
        Assert.Equal("\ufffd\n\u2028\u0085ü<>", root.GetProperty("s").GetString());
        Assert.Equal(1, root.GetProperty("k\n").GetInt32());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Long_values_are_cut_between_characters(bool json)
    {
        Make(json ? LogFormat.Json : LogFormat.Logfmt).Info("m", ("k", "x" + string.Concat(Enumerable.Repeat("😀", 5000))));
        Assert.InRange(output.ToString().Length, 2000, 13_000);
        Assert.DoesNotContain("ufffd", output.ToString(), OrdinalIgnoreCase);
    }

    [Fact]
    public void Level_filters()
    {
        var log = Make(level: LogLevel.Warn);
        log.Debug("a");
        log.Info("b");
        log.Recurring(LogLevel.Info, "key", "c");
        log.Warn("d");
        log.Error("e");
        Assert.Equal(2, Lines().Length);
    }

    [Fact]
    public void Recurring_writes_first_then_once_a_minute_with_a_count_then_recovery()
    {
        var log = Make();
        for (var i = 0; i < 10; i++) // at 0, 15, … 135 s
        {
            log.Recurring(LogLevel.Warn, "scrape 10.0.0.1", "Scrape failed", ("reason", FailureReason.Timeout));
            time.Advance(TimeSpan.FromSeconds(15));
        }
        log.Recovered("scrape 10.0.0.1", "Scrape works again");
        log.Recovered("scrape 10.0.0.1", "Scrape works again");
        log.Recovered("never failed", "x");
        log.Recurring(LogLevel.Warn, "scrape 10.0.0.1", "Scrape failed");
        Assert.Equal(
            [
                "ts=2026-11-23T07:00:00.000Z level=warn msg=\"Scrape failed\" reason=timeout",
                "ts=2026-11-23T07:01:00.000Z level=warn msg=\"Scrape failed\" reason=timeout repeated=4",
                "ts=2026-11-23T07:02:00.000Z level=warn msg=\"Scrape failed\" reason=timeout repeated=4",
                "ts=2026-11-23T07:02:30.000Z level=info msg=\"Scrape works again\" lasted=2m30s failures=10",
                "ts=2026-11-23T07:02:30.000Z level=warn msg=\"Scrape failed\"",
            ],
            Lines());
    }

    [Fact]
    public void Each_cause_of_a_failure_is_written_at_once_and_has_a_minute_and_a_count_of_its_own()
    {
        var log = Make();
        foreach (var cause in (string[])["500", "refused", "500", "401", "refused", "500"])
        {
            log.Recurring(LogLevel.Warn, "send", cause, "Sending failed", ("error", cause));
            time.Advance(TimeSpan.FromSeconds(10));
        }
        time.Advance(TimeSpan.FromSeconds(10));
        log.Recurring(LogLevel.Warn, "send", "500", "Sending failed", ("error", "500"));
        log.Recovered("send", "Sending works again");
        Assert.Equal(
            [
                "msg=\"Sending failed\" error=500", "msg=\"Sending failed\" error=refused", "msg=\"Sending failed\" error=401",
                "msg=\"Sending failed\" error=500 repeated=3", "msg=\"Sending works again\" lasted=1m10s failures=7",
            ],
            Lines().Select(l => l[l.IndexOf("msg=", Ordinal)..]));
    }

    [Fact]
    public void A_failure_with_endless_causes_does_not_flood_the_log()
    {
        var log = Make();
        for (var i = 0; i < 5000; i++)
            log.Recurring(LogLevel.Warn, "send", $"cause {i}", "m");
        Assert.InRange(Lines().Length, 5, 30);
    }

    [Fact]
    public void Recurring_with_endless_keys_floods_neither_memory_nor_log_and_forgets_the_stale()
    {
        var log = Make();
        for (var i = 0; i < 5000; i++)
            log.Recurring(LogLevel.Warn, $"key {i}", "m");
        Assert.InRange(Lines().Length, 100, 300);
        time.Advance(TimeSpan.FromMinutes(11));
        var before = Lines().Length;
        log.Recurring(LogLevel.Warn, "new 1", "m");
        log.Recurring(LogLevel.Warn, "new 2", "m");
        Assert.Equal(before + 2, Lines().Length);
    }

    [Fact]
    public void Writing_to_a_closed_stream_does_not_throw()
    {
        var stream = new MemoryStream();
        var log = new Log(new StreamWriter(stream), LogLevel.Info, LogFormat.Logfmt, time);
        stream.Close();
        log.Error("nobody hears this");
        log.Recurring(LogLevel.Error, "k", "nor this");
    }

    [Fact]
    public async Task Lines_from_many_threads_stay_whole()
    {
        var log = Make();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(n => Task.Run(() =>
        {
            for (var i = 0; i < 500; i++)
                log.Info("line", ("n", n), ("i", i));
        })));
        Assert.Equal(2000, Lines().Distinct().Count(l => l.StartsWith("ts=2026-11-23T07:00:00.000Z level=info msg=line n=", Ordinal)));
    }

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(0.00025, "0.25ms")]
    [InlineData(0.25, "250ms")]
    [InlineData(1, "1s")]
    [InlineData(1.2345678, "1.235s")]
    [InlineData(59.9996, "1m0s")]
    [InlineData(90, "1m30s")]
    [InlineData(7200, "2h0m0s")]
    [InlineData(90061.5, "25h1m1.5s")]
    [InlineData(-1.5, "-1.5s")]
    public void Durations_are_in_Prometheus_notation(double seconds, string expected) =>
        Assert.Equal(expected, DurationText.Format(TimeSpan.FromSeconds(seconds)));

    [Theory]
    [InlineData(0, "0s")]
    [InlineData(15_000, "15s")]
    [InlineData(60_000, "1m")]
    [InlineData(90_000, "1m30s")]
    [InlineData(1_500, "1s500ms")]
    [InlineData(90_000_000, "1d1h")]
    public void Configured_durations_are_in_the_notation_of_the_configuration(int milliseconds, string expected) =>
        Assert.Equal(expected, Durations.Format(TimeSpan.FromMilliseconds(milliseconds)));
}
