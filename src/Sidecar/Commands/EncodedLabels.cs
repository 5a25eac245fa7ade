using Sidecar.Exposition;

namespace Sidecar.Commands;

/// <summary>
/// Walks the labels of a series as the encoder wrote them: <c>Label { string name = 1; string value = 2; }</c>, one behind another.
/// </summary>
internal ref struct EncodedLabels(ReadOnlySpan<byte> encoded)
{
    private readonly ReadOnlySpan<byte> encoded = encoded;
    private ProtobufFields labels = new(encoded, 0, encoded.Length);

    public ReadOnlySpan<byte> Name { get; private set; }

    public ReadOnlySpan<byte> Value { get; private set; }

    public bool Next()
    {
        if (!labels.Next())
            return false;
        Name = Value = default;
        var fields = new ProtobufFields(encoded, labels.Start, labels.End);
        while (fields.Next())
        {
            if (fields.Number == 1)
                Name = encoded.Slice(fields.Start, fields.Length);
            else
                Value = encoded.Slice(fields.Start, fields.Length);
        }
        return true;
    }

    /// <summary>The value of a label; empty where there is none.</summary>
    public static ReadOnlySpan<byte> Find(ReadOnlySpan<byte> encoded, ReadOnlySpan<byte> name)
    {
        for (var labels = new EncodedLabels(encoded); labels.Next();)
        {
            if (labels.Name.SequenceEqual(name))
                return labels.Value;
        }
        return default;
    }
}
