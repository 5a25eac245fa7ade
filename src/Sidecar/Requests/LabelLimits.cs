namespace Sidecar.Requests;

/// <summary>Limits of a series' labels, including target labels and name; 0 for none (Prometheus's verifyLabelLimits).</summary>
/// <param name="Count">Most labels.</param>
/// <param name="NameLength">Longest name, bytes.</param>
/// <param name="ValueLength">Longest value, bytes.</param>
internal readonly record struct LabelLimits(int Count, int NameLength, int ValueLength)
{
    public bool IsNone => Count == 0 && NameLength == 0 && ValueLength == 0;

    /// <summary>Which limit so many labels exceed, in words; null for none.</summary>
    public string? Exceeded(int labels) =>
        Count > 0 && labels > Count ? $"the series has {labels} labels, and SIDECAR_LABEL_LIMIT is {Count}" : null;

    /// <summary>Which limit one label exceeds, in words; null for none.</summary>
    public string? Exceeded(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (NameLength > 0 && name.Length > NameLength)
            return $"the label name {Start(name)} has {name.Length} bytes, and SIDECAR_LABEL_NAME_LENGTH_LIMIT is {NameLength}";
        if (ValueLength > 0 && value.Length > ValueLength)
            return $"the value of the label {Start(name)} has {value.Length} bytes, and SIDECAR_LABEL_VALUE_LENGTH_LIMIT is {ValueLength}: {Start(value)}";
        return null;
    }

    private static string Start(ReadOnlySpan<byte> text) => Encoding.UTF8.GetString(text[..Math.Min(text.Length, 50)]);
}
