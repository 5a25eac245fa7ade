using System.Buffers;
using System.Text.Json;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>The judgement for programs, and for <c>sidecar check</c>: what <c>/-/ready</c> and the page say, as JSON.</summary>
internal static class JudgementJson
{
    /// <summary>With the status of <c>/-/ready</c>.</summary>
    public static HttpAnswer Answer(Judgement judgement) =>
        new(judgement.WhyNotReady is null ? 200 : 503, "application/json", Write(judgement));

    private static ReadOnlyMemory<byte> Write(Judgement judgement)
    {
        var facts = judgement.Facts;
        var output = new ArrayBufferWriter<byte>(2048);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteTexts([("sidecar", Metrics.Version)]);
            json.WriteBoolean("ready"u8, judgement.WhyNotReady is null);
            json.WriteTexts([("summary", judgement.Sentence), ("state", State(facts)), ("started", Time(facts.Started)),
                ("last_accepted", Time(facts.Sending.LastAccepted)), ("discovery_answered", Time(facts.DiscoveryAnswered)),
                ("remote_write", facts.Protocol)]);
            if (facts.OutageThatFits is { } fits)
                json.WriteNumber("outage_that_fits_seconds"u8, (long)fits.TotalSeconds);
            json.WriteStartArray("findings"u8);
            foreach (var finding in judgement.Findings)
            {
                json.WriteStartObject();
                var level = finding.IsFault ? "fault"
                    : finding.Level == Level.Good || finding.Condition == Condition.Starting ? "note" : "warning";
                json.WriteTexts([("condition", Word.Of(finding.Condition)), ("level", level), ("sentence", finding.Sentence),
                    ("when", finding.When(facts.Now)), ("error", finding.Fact), ("cause", finding.Cause), ("remedy", finding.Remedy),
                    ("since", Time(finding.Since)), ("lost_from", Time(finding.LostFrom)), ("next_try", Time(finding.NextTry))]);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return output.WrittenMemory;
    }

    /// <summary>Texts of an object; null is left out.</summary>
    public static void WriteTexts(this Utf8JsonWriter json, ReadOnlySpan<(string Name, string? Value)> texts)
    {
        foreach (var (name, value) in texts)
        {
            if (value is not null)
                json.WriteString(name, value);
        }
    }

    private static string? Time(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", null);

    /// <summary>How long it runs, and what came of it.</summary>
    private static string State(ProcessFacts facts)
    {
        var accepted = facts.Sending.LastAccepted is { } at ? $"the receiver accepted {Ago(at)} (remote write {facts.Protocol})"
            : "nothing was accepted yet";
        var discovery = facts.DiscoveryAnswered is { } answered ? $", discovery answered {Ago(answered)}" : "";
        var room = facts.OutageThatFits is { } fits ? $", {Quantities.Text(fits)} of outage fit" : "";
        return $"running for {Quantities.Text(facts.Now - facts.Started)}, {accepted}{discovery}{room}";

        string Ago(DateTimeOffset then) => $"{Quantities.Text(facts.Now - then)} ago";
    }
}
