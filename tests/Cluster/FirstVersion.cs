using System.Collections.Concurrent;
using Cluster.Wire;
using Google.Protobuf;

namespace Cluster;

/// <summary>
/// Reads remote write 2.0 with generated types, as strictly as its specification, and says in terms of 1.0 what is in it.
/// </summary>
public static class FirstVersion
{
    /// <param name="violations">What the specification forbids is added here.</param>
    public static WriteRequest Of(byte[] message, ConcurrentQueue<string> violations)
    {
        var request = Wire.V2.Request.Parser.ParseFrom(message);
        var symbols = request.Symbols;
        if (request.Timeseries.Count > 0 && symbols.FirstOrDefault("?") != "")
            violations.Enqueue("the first symbol is not the empty string");
        if (symbols.Distinct().Count() != symbols.Count)
            violations.Enqueue("a symbol occurs twice");
        var first = new WriteRequest();
        foreach (var series in request.Timeseries)
        {
            var one = new TimeSeries();
            one.Labels.AddRange(Labels(series.LabelsRefs));
            one.Samples.AddRange(series.Samples.Select(s => new Sample { Value = s.Value, Timestamp = s.Timestamp }));
            // The numbers of histograms are the same but for the start timestamp.
            one.Histograms.AddRange(series.Histograms.Select(h =>
                Histogram.Parser.ParseFrom(new Wire.V2.Histogram(h) { StartTimestamp = 0 }.ToByteString())));
            foreach (var exemplar in series.Exemplars)
            {
                var other = new Exemplar { Value = exemplar.Value, Timestamp = exemplar.Timestamp };
                other.Labels.AddRange(Labels(exemplar.LabelsRefs));
                one.Exemplars.Add(other);
            }
            first.Timeseries.Add(one);
            if (series.Metadata is { } metadata)
            {
                var name = one.Labels.FirstOrDefault(l => l.Name == "__name__")?.Value ?? "";
                first.Metadata.Add(new MetricMetadata
                {
                    MetricFamilyName = name,
                    Type = metadata.Type,
                    Help = Symbol(metadata.HelpRef),
                    Unit = Symbol(metadata.UnitRef),
                });
            }
        }
        return first;

        IEnumerable<Label> Labels(IReadOnlyList<uint> references)
        {
            if (references.Count % 2 != 0)
                violations.Enqueue("an odd number of references");
            for (var i = 0; i + 1 < references.Count; i += 2)
                yield return new Label { Name = Symbol(references[i]), Value = Symbol(references[i + 1]) };
        }

        string Symbol(uint reference)
        {
            if (reference < symbols.Count)
                return symbols[(int)reference];
            violations.Enqueue($"reference {reference} of {symbols.Count} symbols");
            return "";
        }
    }
}
