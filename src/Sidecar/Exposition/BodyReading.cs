namespace Sidecar.Exposition;

/// <summary>How a body is read beside its format, fixed on arrival. Queue files store the numbers in the format's upper half.</summary>
[Flags]
internal enum BodyReading : byte
{
    Usual = 0,

    /// <summary><c>le</c> and <c>quantile</c> stay as the target writes them: <c>1</c> does not become <c>1.0</c>.</summary>
    BoundsAsScraped = 0x10,

    /// <summary>The classic series of a histogram that has a native form, or is given one, are read too.</summary>
    ClassicToo = 0x20,

    ClassicToCustomBuckets = 0x40,
}
