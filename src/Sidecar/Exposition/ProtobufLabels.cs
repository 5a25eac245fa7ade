using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>Reads <c>LabelPair</c> and <c>Exemplar</c> of the client model: labels stay where they stand in the window.</summary>
internal static class ProtobufLabels
{
    /// <summary><c>LabelPair { string name = 1; string value = 2; }</c>; false for a damaged one.</summary>
    public static bool TryReadLabel(ReadOnlySpan<byte> bytes, int start, int end, out LabelSlice label)
    {
        label = default;
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Bytes))
                (label.NameStart, label.NameLength) = (fields.Start, fields.Length);
            else if (fields.Tag == (2 << 3 | ProtobufFields.Bytes))
                (label.ValueStart, label.ValueLength) = (fields.Start, fields.Length);
            else
                fields.PassOver(known: 0b110);
        }
        return !fields.IsBroken;
    }

    /// <summary><c>Exemplar { repeated LabelPair label = 1; double value = 2; Timestamp timestamp = 3; }</c>; false if damaged.</summary>
    /// <param name="needsTimestamp">An exemplar without one is left out, as one with labels that Prometheus does not store is.</param>
    public static bool TryAddExemplar(Sample sample, ReadOnlySpan<byte> bytes, int start, int end, bool needsTimestamp)
    {
        var exemplar = sample.NextExemplar();
        var isGood = true;
        var isUtf8 = true;
        var fields = new ProtobufFields(bytes, start, end);
        while (isGood && fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Bytes))
            {
                isGood = TryReadLabel(bytes, fields.Start, fields.End, out var label);
                isUtf8 &= Utf8.IsValid(bytes.Slice(label.ValueStart, label.ValueLength));
                exemplar.Add(label);
            }
            else if (fields.Tag == (2 << 3 | ProtobufFields.Fixed64))
                exemplar.Value = FloatText.Canonical(fields.Double);
            else if (fields.Tag == (3 << 3 | ProtobufFields.Bytes))
            {
                exemplar.HasTimestamp = true;
                isGood = ProtobufHistogram.TryReadTimestamp(bytes, fields.Start, fields.End, out exemplar.Timestamp);
            }
            else
                fields.PassOver(known: 0b1110);
        }
        if (!isGood || fields.IsBroken)
            return false;
        if (isUtf8 && (exemplar.HasTimestamp || !needsTimestamp) && exemplar.TryComplete(sample))
            sample.ExemplarCount++;
        return true;
    }
}
