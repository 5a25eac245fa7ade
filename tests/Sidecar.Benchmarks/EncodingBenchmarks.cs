using BenchmarkDotNet.Attributes;
using Google.Protobuf;
using Sidecar.Exposition;
using Sidecar.Tests.Requests.Wire;
using Sidecar.Requests;

namespace Sidecar.Benchmarks;

/// <summary>
/// Why the labels of a series are written by hand: the same 10,000 series by this project's encoder, by Google.Protobuf's low-level writer
/// (whose strings must be ByteStrings, so an object each), and by its generated messages. None of them compresses.
/// </summary>
[MemoryDiagnoser]
[Throughput]
public class EncodingBenchmarks
{
    private const long Timestamp = 1_800_000_000_000;

    private static readonly (string Name, string Value)[] TargetLabelPairs = [("instance", "10.0.0.1:6443"), ("job", "apiserver")];

    private static readonly SampleReader Reader = new();
    private readonly SeriesEncoder encoder = new(MicroPayload.Samples * 2);
    private readonly TargetLabels target =
        new([.. TargetLabelPairs.Select(l => KeyValuePair.Create(l.Name, l.Value))], [], honorLabels: false);
    private readonly byte[] output = new byte[16 * 1024 * 1024];

    [Benchmark(Baseline = true)]
    public int Sidecar()
    {
        encoder.Begin(target);
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        while (Reader.Read())
        {
            encoder.TryBegin(Reader.Sample, out _);
            encoder.Commit(Reader.Sample.Value, Timestamp);
        }
        return encoder.Samples;
    }

    [Benchmark]
    public long Google_protobuf_low_level_writer()
    {
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        using var writer = new CodedOutputStream(output);
        var labels = new List<(ByteString Name, ByteString Value)>();
        while (Reader.Read())
        {
            labels.Clear();
            for (var i = 0; i < Reader.Sample.Count; i++)
            {
                if (Reader.Sample.Labels[i].ValueLength > 0)
                    labels.Add((ByteString.CopyFrom(Reader.Sample.LabelName(i)), ByteString.CopyFrom(Reader.Sample.LabelValue(i))));
            }
            foreach (var (name, value) in TargetLabelPairs)
                labels.Add((ByteString.CopyFromUtf8(name), ByteString.CopyFromUtf8(value)));
            labels.Sort((a, b) => a.Name.Span.SequenceCompareTo(b.Name.Span));
            var size = 0;
            foreach (var (name, value) in labels)
            {
                var label = 2 + CodedOutputStream.ComputeBytesSize(name) + CodedOutputStream.ComputeBytesSize(value);
                size += 1 + CodedOutputStream.ComputeLengthSize(label) + label;
            }
            var sample = 1 + 8 + 1 + CodedOutputStream.ComputeInt64Size(Timestamp);
            writer.WriteTag(1, WireFormat.WireType.LengthDelimited);
            writer.WriteLength(size + 2 + sample);
            foreach (var (name, value) in labels)
            {
                writer.WriteTag(1, WireFormat.WireType.LengthDelimited);
                writer.WriteLength(2 + CodedOutputStream.ComputeBytesSize(name) + CodedOutputStream.ComputeBytesSize(value));
                writer.WriteTag(1, WireFormat.WireType.LengthDelimited);
                writer.WriteBytes(name);
                writer.WriteTag(2, WireFormat.WireType.LengthDelimited);
                writer.WriteBytes(value);
            }
            writer.WriteTag(2, WireFormat.WireType.LengthDelimited);
            writer.WriteLength(sample);
            writer.WriteTag(1, WireFormat.WireType.Fixed64);
            writer.WriteDouble(Reader.Sample.Value);
            writer.WriteTag(2, WireFormat.WireType.Varint);
            writer.WriteInt64(Timestamp);
        }
        return writer.Position;
    }

    [Benchmark]
    public int Google_protobuf_messages()
    {
        Reader.Open(MicroPayload.Gzip.OpenRead(), sizeLimit: 0);
        var request = new WriteRequest();
        while (Reader.Read())
        {
            var series = new TimeSeries();
            for (var i = 0; i < Reader.Sample.Count; i++)
            {
                if (Reader.Sample.Labels[i].ValueLength > 0)
                {
                    series.Labels.Add(new Label
                    {
                        Name = System.Text.Encoding.UTF8.GetString(Reader.Sample.LabelName(i)),
                        Value = System.Text.Encoding.UTF8.GetString(Reader.Sample.LabelValue(i)),
                    });
                }
            }
            foreach (var (name, value) in TargetLabelPairs)
                series.Labels.Add(new Label { Name = name, Value = value });
            var sorted = series.Labels.OrderBy(l => l.Name, StringComparer.Ordinal).ToArray();
            series.Labels.Clear();
            series.Labels.Add(sorted);
            series.Samples.Add(new global::Sidecar.Tests.Requests.Wire.Sample { Value = Reader.Sample.Value, Timestamp = Timestamp });
            request.Timeseries.Add(series);
        }
        request.WriteTo(output.AsSpan(0, request.CalculateSize()));
        return request.Timeseries.Count;
    }
}
