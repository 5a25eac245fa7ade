namespace Sidecar.Exposition;

/// <summary>An exemplar of a sample. Its labels point into the sample's window, as the sample's own do; the object is reused.</summary>
internal sealed class Exemplar
{
    public LabelSlice[] Labels = new LabelSlice[4];

    public int Count;

    public double Value;

    public bool HasTimestamp;

    /// <summary>Milliseconds since the Unix epoch; only with <see cref="HasTimestamp"/>.</summary>
    public long Timestamp;
}
