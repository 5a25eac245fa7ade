using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>
/// Streams the samples of a body of delimited <c>io.prometheus.client.MetricFamily</c> messages (metrics.proto of the client model), one
/// metric at a time however large its family is. Classic histograms and summaries come out as their series, as Prometheus 3 has them
/// (its model/textparse/protobufparse.go).
/// </summary>
internal sealed class ProtobufReader
{
    /// <summary>Bytes in which a large family's name and type are looked for: they stand in front of its metrics.</summary>
    private const int ScanSize = 32 * 1024;

    // MetricFamily
    private const uint NameField = 1 << 3 | ProtobufFields.Bytes;
    private const uint HelpField = 2 << 3 | ProtobufFields.Bytes;
    private const uint TypeField = 3 << 3 | ProtobufFields.Varint;
    private const uint MetricField = 4 << 3 | ProtobufFields.Bytes;
    private const uint UnitField = 5 << 3 | ProtobufFields.Bytes;

    private readonly BodyWindow window;
    private readonly Sample sample;
    private readonly MetricFamily family = new();
    private readonly ProtobufMetric metric;
    private readonly Func<string> tooLong;
    private long familyLeft; // bytes of the family behind the window's start
    private long passLeft;   // bytes of a field that are passed over
    private bool isChecked;  // the family's name, help and unit
    private long families;
    private long metrics;    // of the family, so far

    public ProtobufReader(BodyWindow window, Sample sample, LabelNamesCache names)
    {
        this.window = window;
        this.sample = sample;
        metric = new ProtobufMetric(sample, family, names);
        tooLong = () => $"{Place()}: a metric is longer than {BodyWindow.Largest} bytes";
    }

    /// <param name="isNative">Native histograms are read.</param>
    public void Begin(bool isNative, BodyReading reading)
    {
        familyLeft = passLeft = families = metrics = 0;
        family.Begin(default);
        metric.Reset(isNative, reading);
    }

    /// <summary>The next sample. False at the end of the body, at an error, or when paused.</summary>
    public bool Read()
    {
        while (window.Error == ReadError.None)
        {
            if (metric.Next())
                return true;
            if (metric.Error is { } error)
                return Fail(error);
            if (window.Pause() || !(passLeft > 0 ? Pass() : familyLeft == 0 ? BeginFamily() : ReadField()))
                return false;
        }
        return false;
    }

    private bool BeginFamily()
    {
        if (!TryHave(1))
            return false;
        TryHave(10);
        var length = ProtobufFields.ReadVarint(Left, out var size);
        families++;
        metrics = 0;
        if (length == 0 || size > int.MaxValue)
            return window.Error == ReadError.None && Fail("the length of a metric family is not complete, or no length");
        window.Start += length;
        familyLeft = (long)size;
        isChecked = false;
        family.Begin(default);
        return familyLeft == 0 || Scan();
    }

    /// <summary>Looks ahead for what the family says of itself: protobuf promises no order.</summary>
    private bool Scan()
    {
        var bound = (int)Math.Min(familyLeft, ScanSize);
        if (!TryHave(bound))
            return FailCut();
        var (nameAt, nameLength, helpAt, helpLength, unitAt, unitLength) = (0, 0, 0, 0, 0, 0);
        ulong type = 0;
        for (var at = 0; at < bound;)
        {
            var had = TryReadHeader(at, out var tag, out var value, out var header);
            if (!had)
                return false;
            switch (tag)
            {
                case NameField:
                    (nameAt, nameLength) = (at + header, (int)value);
                    break;
                case HelpField:
                    (helpAt, helpLength) = (at + header, (int)value);
                    break;
                case UnitField:
                    (unitAt, unitLength) = (at + header, (int)value);
                    break;
                case TypeField:
                    type = value;
                    break;
            }
            if (tag is NameField or HelpField or UnitField && !TryHave(at + header + (int)value))
                return FailCut();
            var next = at + (long)header + ((tag & 7) == ProtobufFields.Bytes ? (long)value : 0);
            at = (int)Math.Min(next, bound);
        }
        var left = Left;
        family.Begin(left.Slice(nameAt, nameLength));
        family.SetHelp(left.Slice(helpAt, helpLength));
        family.SetUnit(left.Slice(unitAt, unitLength));
        metric.BeginFamily(type);
        return true;
    }

    /// <summary>One field of the family: a metric is begun, all else is passed over, for it was seen before.</summary>
    private bool ReadField()
    {
        if (!TryReadHeader(0, out var tag, out var value, out var header))
            return false;
        var length = header + ((tag & 7) == ProtobufFields.Bytes ? (long)value : 0);
        if (tag != MetricField)
        {
            if (tag is NameField or TypeField && isChecked && !IsKnown(tag, value, header))
                return Fail("a family of this size must have its name and type before its metrics");
            passLeft = length;
            familyLeft -= length;
            return true;
        }
        if (!isChecked && !TryCheck())
            return false;
        if (!TryHave((int)length))
            return FailCut();
        metrics++;
        sample.Window = window.Bytes;
        sample.Family = family;
        metric.Begin(window.Bytes, window.Start + header, window.Start + (int)length);
        window.Start += (int)length;
        familyLeft -= length;
        return true;
    }

    /// <summary>What stands behind metrics says the same as what was seen before them.</summary>
    private bool IsKnown(uint tag, ulong value, int header) =>
        tag == TypeField ? value == metric.TypeNumber
            : TryHave(header + (int)value) && Left.Slice(header, (int)value).SequenceEqual(family.Name);

    /// <summary>Families without metrics are not looked at, as in Prometheus.</summary>
    private bool TryCheck()
    {
        isChecked = true;
        if (family.Name.IsEmpty || !Utf8.IsValid(family.Name))
            return Fail("the name is missing or not valid UTF-8");
        if (!Utf8.IsValid(family.Help))
            return Fail("the help text is not valid UTF-8");
        if (!metric.IsKnownType)
            return Fail($"the type {metric.TypeNumber} is unknown");
        var name = family.Name;
        if (family.Type == MetricType.Counter && name.EndsWith("_total"u8))
            name = name[..^6];
        return MetricFamily.IsUnitOf(name, family.Unit) || Fail("the unit must be how the name ends, with '_' before it");
    }

    /// <summary>Tag, and value or length, of the field that begins this far behind the window's start.</summary>
    /// <param name="header">Bytes of all that.</param>
    private bool TryReadHeader(int at, out uint tag, out ulong value, out int header)
    {
        (tag, value, header) = (0, 0, 0);
        var left = (int)Math.Min(familyLeft - at, 20);
        if (!TryHave(at + left))
            return FailCut();
        header = ProtobufFields.ReadHeader(Left.Slice(at, left), out tag, out value);
        if (header == 0 || ((tag & 7) == ProtobufFields.Bytes && value > (ulong)(familyLeft - at - header)))
            return Fail("a field is damaged or longer than its family");
        return (tag >> 3 is < 1 or > 5 || tag is NameField or HelpField or TypeField or MetricField or UnitField)
            || Fail("a field has the wrong wire type");
    }

    private ReadOnlySpan<byte> Left => window.Bytes.AsSpan(window.Start, window.Filled - window.Start);

    /// <summary>Makes sure that so many bytes stand in the window; false when the body ends before.</summary>
    private bool TryHave(int count)
    {
        while (window.Filled - window.Start < count)
        {
            if (!window.TryFill(tooLong))
                return false;
        }
        return true;
    }

    /// <summary>Passes over as much of a field as the window has: it may be as long as the body.</summary>
    private bool Pass()
    {
        if (!TryHave(1))
            return FailCut();
        var step = (int)Math.Min(passLeft, window.Filled - window.Start);
        window.Start += step;
        passLeft -= step;
        return true;
    }

    private bool FailCut() => window.Error == ReadError.None && Fail("the body ends within it");

    private bool Fail(string cause) => window.Fail(ReadError.Parse, $"{Place()}: {cause}");

    private string Place()
    {
        var name = family.Name.IsEmpty ? "" : $" ({Encoding.UTF8.GetString(family.Name[..Math.Min(family.Name.Length, 160)])})";
        return $"metric family {families}{name}{(metrics > 0 ? $", metric {metrics}" : "")}";
    }
}
