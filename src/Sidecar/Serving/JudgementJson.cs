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
            json.WriteString("sidecar"u8, Metrics.Version);
            json.WriteBoolean("ready"u8, judgement.WhyNotReady is null);
            json.WriteString("summary"u8, judgement.Sentence);
            json.WriteString("state"u8, State(facts));
            Time("started"u8, facts.Started);
            Time("last_accepted"u8, facts.Sending.LastAccepted);
            Time("discovery_answered"u8, facts.DiscoveryAnswered);
            json.WriteString("remote_write"u8, facts.Protocol);
            if (facts.OutageThatFits is { } fits)
                json.WriteNumber("outage_that_fits_seconds"u8, (long)fits.TotalSeconds);
            json.WriteStartArray("findings"u8);
            foreach (var finding in judgement.Findings)
            {
                json.WriteStartObject();
                json.WriteString("condition"u8, Word.Of(finding.Condition));
                json.WriteString("level"u8, finding.IsFault ? "fault"u8
                    : finding.Level == Level.Good || finding.Condition == Condition.Starting ? "note"u8 : "warning"u8);
                json.WriteString("sentence"u8, finding.Sentence);
                Text("when"u8, finding.When(facts.Now));
                Text("error"u8, finding.Fact);
                Text("cause"u8, finding.Cause);
                json.WriteString("remedy"u8, finding.Remedy);
                Time("since"u8, finding.Since);
                Time("lost_from"u8, finding.LostFrom);
                Time("next_try"u8, finding.NextTry);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();

            void Text(ReadOnlySpan<byte> name, string? value)
            {
                if (value is not null)
                    json.WriteString(name, value);
            }

            void Time(ReadOnlySpan<byte> name, DateTimeOffset? at)
            {
                if (at is { } moment)
                    json.WriteString(name, moment.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", null));
            }
        }
        return output.WrittenMemory;
    }

    /// <summary>How long it runs, and what came of it.</summary>
    private static string State(ProcessFacts facts)
    {
        var accepted = facts.Sending.LastAccepted is { } at ? $"the receiver accepted {Ago(at)} (remote write {facts.Protocol})"
            : "nothing was accepted yet";
        var discovery = facts.DiscoveryAnswered is { } answered ? $", discovery answered {Ago(answered)}" : "";
        var room = facts.OutageThatFits is { } fits ? $", {Quantities.Text(Quantities.Rough(fits))} of outage fit" : "";
        return $"running for {Quantities.Text(Quantities.Rough(facts.Now - facts.Started))}, {accepted}{discovery}{room}";

        string Ago(DateTimeOffset then) => $"{Quantities.Text(Quantities.Rough(facts.Now - then))} ago";
    }
}
