using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// Makes a request of series that stand in another one. In 2.0 their references are written anew, so that the request has the symbols of
/// its own series and no others: it is refused and accepted for what it says, and half of the series take about half of the bytes.
/// </summary>
internal sealed class SeriesCopy(WriteVersion version, byte[] message, List<(int Start, int Length)> symbols)
{
    // Fields of 2.0's messages; see SeriesMessage.
    private const int LabelsRefs = 1;
    private const int Symbols = 4;
    private const int Metadata = 5;
    private const int Series = 5;
    private const int HelpRef = 3;
    private const int UnitRef = 4;

    private readonly int histogramsField = version == WriteVersion.One ? 4 : 3;
    private readonly int exemplarsField = version == WriteVersion.One ? 3 : 4;
    private readonly WireBuffer all = new();
    private readonly int[] references = new int[symbols.Count]; // old to new; 0 is the empty string, or not used so far
    private readonly List<int> used = [];
    private int count;
    private int histograms;
    private int exemplars;

    public void Add(int start, int length)
    {
        count++;
        if (version == WriteVersion.One)
        {
            all.WriteBytes(1, message.AsSpan(start, length));
            Count(start, length);
            return;
        }
        Count(start, length);
        var series = all.Begin(Series);
        var fields = new ProtobufFields(message, start, start + length);
        for (var at = start; fields.Next(); at = End(fields, at))
        {
            if (fields.Number == LabelsRefs)
                CopyReferences(fields);
            else if (fields.Number == exemplarsField)
                CopyExemplar(fields);
            else if (fields.Number == Metadata)
                CopyMetadata(fields);
            else
                all.Append(message.AsSpan(at, End(fields, at) - at));
        }
        all.End(series);
    }

    public EncodedRequest Close()
    {
        var request = new WireBuffer();
        if (version == WriteVersion.Two)
        {
            // The empty string comes first (specification 2.0, section "Symbols").
            request.WriteRaw(Symbols << 3 | ProtobufFields.Bytes);
            request.WriteRaw(0);
            foreach (var symbol in used)
                request.WriteBytes(Symbols, message.AsSpan(symbols[symbol].Start, symbols[symbol].Length));
        }
        request.Append(all.Written);
        var encoded = EncodedRequest.Compress(version, request.Written);
        (encoded.Samples, encoded.Histograms, encoded.Exemplars) = (count, histograms, exemplars);
        return encoded;
    }

    private void Count(int start, int length)
    {
        var fields = new ProtobufFields(message, start, start + length);
        while (fields.Next())
        {
            histograms += fields.Number == histogramsField ? 1 : 0;
            exemplars += fields.Number == exemplarsField ? 1 : 0;
        }
    }

    private void CopyReferences(ProtobufFields packed)
    {
        var copy = all.Begin(LabelsRefs);
        for (var at = packed.Start; at < packed.End;)
        {
            at += ProtobufFields.ReadVarint(message.AsSpan(at), out var symbol);
            all.WriteRaw((uint)Reference((int)symbol));
        }
        all.End(copy);
    }

    private void CopyExemplar(ProtobufFields exemplar)
    {
        var copy = all.Begin(exemplar.Number);
        var fields = new ProtobufFields(message, exemplar.Start, exemplar.End);
        for (var at = exemplar.Start; fields.Next(); at = End(fields, at))
        {
            if (fields.Number == LabelsRefs)
                CopyReferences(fields);
            else
                all.Append(message.AsSpan(at, End(fields, at) - at));
        }
        all.End(copy);
    }

    private void CopyMetadata(ProtobufFields metadata)
    {
        var copy = all.Begin(Metadata);
        var fields = new ProtobufFields(message, metadata.Start, metadata.End);
        while (fields.Next())
            all.WriteVarint(fields.Number, fields.Number is HelpRef or UnitRef ? Reference((int)fields.Value) : (long)fields.Value);
        all.End(copy);
    }

    private int Reference(int symbol)
    {
        if (symbol == 0)
            return 0;
        if (references[symbol] == 0)
        {
            used.Add(symbol);
            references[symbol] = used.Count;
        }
        return references[symbol];
    }

    /// <summary>Behind a field that begins at an offset.</summary>
    private static int End(ProtobufFields field, int at) => (field.Tag & 7) switch
    {
        ProtobufFields.Bytes => field.End,
        ProtobufFields.Fixed64 => at + LabelMessage.VarintSize(field.Tag) + 8,
        _ => at + LabelMessage.VarintSize(field.Tag) + LabelMessage.VarintSize(field.Value),
    };
}
