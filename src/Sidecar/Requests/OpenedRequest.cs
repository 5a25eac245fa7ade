using System.IO.Hashing;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>A request taken apart to send some of its series: the protobuf message, and where each series stands.</summary>
internal sealed class OpenedRequest
{
    // Fields of the messages; see RequestBuilder.
    private const int Labels = 1;
    private const int SymbolsOfSecond = 4;

    /// <summary>So that no target can choose labels that hash like those of another series.</summary>
    private static readonly long Seed = Random.Shared.NextInt64();

    /// <summary>A staleness marker, little-endian.</summary>
    private static ReadOnlySpan<byte> StaleMarker => [0x02, 0, 0, 0, 0, 0, 0xf0, 0x7f];

    private readonly WriteVersion version;
    private readonly byte[] message;
    private readonly List<(int Start, int Length)> series = [];
    private readonly List<(int Start, int Length)> symbols = []; // of 2.0
    private readonly WireBuffer text = new();

    public OpenedRequest(EncodedRequest request)
    {
        version = request.Version;
        message = request.Decompress();
        var ofSeries = version == WriteVersion.One ? RequestBuilder.FirstTag : RequestBuilder.SecondTag;
        var fields = new ProtobufFields(message, 0, message.Length);
        while (fields.Next())
        {
            if (fields.Tag == ofSeries)
                series.Add((fields.Start, fields.Length));
            else if (fields.Number == SymbolsOfSecond && version == WriteVersion.Two)
                symbols.Add((fields.Start, fields.Length));
        }
        if (fields.IsBroken || series.Count != request.Samples)
            throw new InvalidOperationException($"a request of {request.Samples} series has {series.Count}");
    }

    public int Count => series.Count;

    /// <summary>A request of these series in this order; in 2.0 with the symbols that they use.</summary>
    public EncodedRequest Take(ReadOnlySpan<int> chosen)
    {
        var writer = new SeriesCopy(version, message, symbols);
        foreach (var index in chosen)
            writer.Add(series[index].Start, series[index].Length);
        return writer.Close();
    }

    /// <summary>The sample of a series ends it. No label holds these bytes, which are no UTF-8.</summary>
    public bool IsMarker(int index) => message.AsSpan(series[index].Start, series[index].Length).IndexOf(StaleMarker) >= 0;

    /// <summary>Of the labels of a series: the same in every request of either version until the process ends.</summary>
    public ulong Hash(int index)
    {
        text.Clear();
        var label = 0;
        foreach (var (start, length) in Texts(index))
        {
            // Each with its length in front, so that no two sets of labels run into the same bytes.
            text.WriteBytes(1 + label++ % 2, message.AsSpan(start, length));
        }
        return XxHash3.HashToUInt64(text.Written, Seed);
    }

    /// <summary>The labels of a series, for the log: <c>name{label="value"}</c>.</summary>
    public string Describe(int index)
    {
        var described = new StringBuilder();
        var texts = Texts(index);
        for (var i = 0; i + 1 < texts.Count; i += 2)
        {
            var (name, value) = (Text(texts[i]), Text(texts[i + 1]));
            if (name == "__name__")
                described.Insert(0, value + '{');
            else
                described.Append(described.Length > 0 && described[^1] != '{' ? "," : "").Append(name).Append("=\"").Append(value)
                    .Append('"');
        }
        return described.Append('}').ToString();

        string Text((int Start, int Length) at) => Encoding.UTF8.GetString(message, at.Start, at.Length);
    }

    /// <summary>Names and values of a series in turn, where they stand.</summary>
    private List<(int Start, int Length)> Texts(int index)
    {
        var texts = new List<(int, int)>();
        var fields = new ProtobufFields(message, series[index].Start, series[index].Start + series[index].Length);
        while (fields.Next() && fields.Number == Labels)
        {
            if (version == WriteVersion.Two)
            {
                for (var at = fields.Start; at < fields.End;)
                {
                    at += ProtobufFields.ReadVarint(message.AsSpan(at), out var symbol);
                    texts.Add(symbols[(int)symbol]);
                }
                continue;
            }
            var label = new ProtobufFields(message, fields.Start, fields.End);
            while (label.Next())
                texts.Add((label.Start, label.Length));
        }
        return texts;
    }
}
