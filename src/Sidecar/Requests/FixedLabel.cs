namespace Sidecar.Requests;

/// <summary>A label whose value is the same in many series, ready to be sent in either version. It never changes.</summary>
internal sealed class FixedLabel
{
    public FixedLabel(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        Name = [.. name];
        Value = [.. value];
        Message = [.. LabelMessage.Encode(name, value)];
        Hash = SeriesLabels.HashOf(SeriesLabels.SeedOf(name), value);
    }

    public ImmutableArray<byte> Name { get; }
    public ImmutableArray<byte> Value { get; }

    /// <summary>The whole Label message of 1.0, with the tag of TimeSeries.labels in front.</summary>
    public ImmutableArray<byte> Message { get; }

    public ulong Hash { get; }
}
