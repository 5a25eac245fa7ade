namespace Sidecar.Exposition;

/// <summary>
/// OpenMetrics 1.0.0 and 0.0.1 text, as Prometheus 3 accepts and rejects it (its model/textparse/openmetricslex.l and
/// openmetricsparse.go): single spaces, no blank lines, no other comments, and <c># EOF</c> at the end. A <c>_created</c> line stays a
/// sample like any other, as with Prometheus's defaults. One window of whole lines, see <see cref="LineCursor"/>.
/// </summary>
internal ref struct OpenMetricsParser(Span<byte> text, int start, bool isUtf8, TextParserState state)
{
    private LineCursor line = new(text, start, isUtf8, state);

    public readonly int Consumed => line.Consumed;
    public readonly string? Error => line.Error;

    /// <summary>Reads up to the next sample, and metadata on the way there.</summary>
    public Entry Read(Sample sample)
    {
        while (true)
        {
            if (line.At >= line.Text.Length)
                return Entry.End;
            if (line.State.IsEnded)
                return line.Fail("nothing may follow # EOF");
            Entry entry;
            switch (line.Current)
            {
                case (byte)'#':
                    entry = ReadMetadata();
                    break;
                case (byte)'{':
                    entry = ReadSample(sample, nameLength: 0, hasLastName: false);
                    break;
                default:
                    if (line.SkipShared(sample) is > 0 and var shared)
                    {
                        entry = shared > 1 ? ReadSeparator() : Entry.Sample;
                        if (entry == Entry.Sample)
                            entry = ReadFromLabel(sample, isNameKnown: true, hasLastName: true);
                        break;
                    }
                    var length = line.MetricNameLength(out var isLast);
                    if (length == 0)
                        return line.Fail("a metric name, '{' or '# ' must stand here");
                    entry = ReadSample(sample, length, isLast);
                    break;
            }
            if (entry != Entry.End)
                return entry;
        }
    }

    /// <summary><c># TYPE name type</c>, <c># HELP name text</c>, <c># UNIT name unit</c> or <c># EOF</c>.</summary>
    private Entry ReadMetadata()
    {
        var text = line.Text[line.At..];
        if (text.StartsWith("# EOF"u8))
        {
            line.At += 5;
            if (line.Current != (byte)'\n')
                return line.Fail("nothing may follow # EOF");
            line.State.IsEnded = true;
            line.EndLine();
            return Entry.End;
        }
        var keyword = text.StartsWith("# TYPE "u8) ? 'T' : text.StartsWith("# HELP "u8) ? 'H' : text.StartsWith("# UNIT "u8) ? 'U' : '\0';
        if (keyword == '\0')
            return line.Fail("only # TYPE, # HELP, # UNIT and # EOF may begin with '#', with one space behind each");
        line.At += 7;
        if (!line.TryReadMetadataName("a metric name must stand here", out var nameStart, out var nameLength, out var otherwise))
            return otherwise;
        if (line.Current != (byte)' ')
            return line.Fail("one space must follow the metric name");
        line.At++;
        var end = line.At + line.Text[line.At..].IndexOf((byte)'\n');
        var said = line.Text[line.At..end];
        switch (keyword)
        {
            case 'T':
                if (LineCursor.TypeOf(said, isOpenMetrics: true) is not { } type)
                    return line.Fail("the type must be counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown");
                line.State.Type = type;
                line.Declare(nameStart, nameLength).Type = type;
                break;
            case 'H':
                if (!line.IsValid(line.At, end))
                    return line.Fail("the help text is not valid UTF-8");
                line.Declare(nameStart, nameLength).SetHelp(line.Text.Slice(line.At, line.Unescape(line.At, end - line.At)));
                break;
            default:
                if (!IsUnitOf(line.Text.Slice(nameStart, nameLength), said))
                    return line.Fail("the unit must be how the metric's name ends, with '_' before it");
                line.Declare(nameStart, nameLength).SetUnit(said);
                break;
        }
        line.At = end;
        line.EndLine();
        return Entry.End;
    }

    /// <summary>True as well for no unit.</summary>
    public static bool IsUnitOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> unit) =>
        unit.IsEmpty || (name.Length > unit.Length && name.EndsWith(unit) && name[^(unit.Length + 1)] == (byte)'_');

    /// <summary><c>name{label="value",…} value [timestamp] [# {label="value",…} value [timestamp]]</c>.</summary>
    private Entry ReadSample(Sample sample, int nameLength, bool hasLastName)
    {
        line.BeginSample(sample, nameLength);
        if (line.Current != (byte)'{')
            return ReadFromValue(sample, isPredicted: false, hasLastName);
        line.EndLabel(sample, ++line.At);
        return ReadFromLabel(sample, isNameKnown: nameLength > 0, hasLastName);
    }

    private Entry ReadFromLabel(Sample sample, bool isNameKnown, bool hasLastName)
    {
        var entry = ReadLabels(sample, isNameKnown, out var isPredicted);
        return entry == Entry.Sample ? ReadFromValue(sample, isPredicted, hasLastName) : entry;
    }

    private Entry ReadFromValue(Sample sample, bool isPredicted, bool hasLastName)
    {
        if (!TryReadNumber(out sample.Value))
            return line.Fail("one space and a number must follow as the value");
        if (line.Current == (byte)' ' && !IsExemplar())
        {
            sample.HasTimestamp = true;
            if (!TryReadTimestamp(out sample.Timestamp))
                return line.Fail("one space and a timestamp in seconds, an exemplar (# {…) or the end of the line must follow the value");
        }
        Exemplar? exemplar = null;
        if (IsExemplar())
        {
            line.At += 4;
            exemplar = sample.NextExemplar();
            var entry = ReadExemplar(exemplar);
            if (entry != Entry.Sample)
                return entry;
            sample.ExemplarCount = 1;
        }
        if (line.Current != (byte)'\n')
            return line.Fail("the end of the line must stand here");
        if (line.State.IsCut && line.At == line.Text.Length - 1)
            return line.Fail("the body ends within a line");
        line.Complete(sample, isPredicted, hasLastName);
        if (exemplar is not null && !exemplar.TryComplete(sample))
            sample.ExemplarCount = 0;
        line.EndSample(sample);
        return Entry.Sample;
    }

    private readonly bool IsExemplar() => line.Text[line.At..].StartsWith(" # {"u8);

    /// <summary>What stands between the braces, the closing one included; a comma may stand behind the last label.</summary>
    /// <param name="isPredicted">The labels have the predicted names.</param>
    private Entry ReadLabels(Sample sample, bool nameKnown, out bool isPredicted)
    {
        var predicted = line.State.Predicted;
        isPredicted = nameKnown && predicted.IsPlain;
        while (line.Current != (byte)'}')
        {
            LabelSlice label;
            Entry entry;
            if (isPredicted && sample.Count <= predicted.Count && predicted.Pattern(sample.Count - 1) is var pattern &&
                line.Text[line.At..].StartsWith(pattern))
            {
                label = new LabelSlice { NameStart = line.At, NameLength = pattern.Length - 2 };
                line.At += pattern.Length;
                entry = ReadLabelValue(ref label);
            }
            else
            {
                isPredicted = false;
                entry = ReadLabel(isNameAllowed: !nameKnown, isWithinLine: false, out label);
                if (entry == Entry.End)
                {
                    nameKnown = true;
                    sample.Labels[0].ValueStart = label.NameStart;
                    sample.Labels[0].ValueLength = label.NameLength;
                    continue;
                }
            }
            if (entry != Entry.Sample)
                return entry;
            sample.Add(label.NameStart, label.NameLength, label.ValueStart, label.ValueLength);
            line.EndLabel(sample, label.ValueStart + label.ValueLength + 1);
        }
        if (!nameKnown)
            return line.Fail("the sample has no name");
        line.At++;
        isPredicted &= sample.Count == predicted.Count + 1;
        return Entry.Sample;
    }

    /// <summary>From behind <c># {</c>.</summary>
    private Entry ReadExemplar(Exemplar exemplar)
    {
        while (line.Current != (byte)'}')
        {
            var entry = ReadLabel(isNameAllowed: false, isWithinLine: true, out var label);
            if (entry != Entry.Sample)
                return entry;
            exemplar.Add(label);
        }
        line.At++;
        if (!TryReadNumber(out exemplar.Value))
            return line.Fail("one space and a number must follow as the exemplar's value");
        if (line.Current == (byte)' ')
        {
            exemplar.HasTimestamp = true;
            if (!TryReadTimestamp(out exemplar.Timestamp))
                return line.Fail("one space and a timestamp in seconds, or the end of the line, must follow the exemplar's value");
        }
        return Entry.Sample;
    }

    /// <summary><c>name="value"</c>, <c>"any name"="value"</c>, or the metric's own name quoted: <see cref="Entry.End"/>.</summary>
    private Entry ReadLabel(bool isNameAllowed, bool isWithinLine, out LabelSlice label)
    {
        label = default;
        if (line.Current == (byte)'"')
        {
            label.NameStart = line.At + 1;
            if (!line.TryFindQuote(label.NameStart, isWithinLine, out var quote, out var entry))
                return entry;
            label.NameLength = quote - label.NameStart;
            line.At = quote + 1;
            // Those of an exemplar are looked at later: they cost the exemplar and not the scrape.
            if (!isWithinLine && !line.IsValid(label.NameStart, quote))
                return line.Fail("a name is not valid UTF-8");
            if (line.Current is (byte)',' or (byte)'}')
            {
                if (!isNameAllowed)
                    return line.Fail(isWithinLine ? "'=' must follow the label name" : "the sample has two names");
                if (label.NameLength == 0)
                    return line.Fail("the sample has an empty name");
                if (line.Current == (byte)',')
                    line.At++;
                return Entry.End;
            }
        }
        else
        {
            label.NameStart = line.At;
            label.NameLength = line.LabelNameLength();
            if (label.NameLength == 0)
                return line.Fail("a label name or '}' must stand here");
            line.At += label.NameLength;
        }
        if (line.Current != (byte)'=')
            return line.Fail("'=' must follow the label name");
        line.At++;
        if (line.Current != (byte)'"')
            return line.Fail("a label value in double quotes must follow '='");
        line.At++;
        return ReadLabelValue(ref label);
    }

    /// <summary>From behind the opening quote to behind the closing one and a comma.</summary>
    private Entry ReadLabelValue(ref LabelSlice label)
    {
        label.ValueStart = line.At;
        if (!line.TryFindQuote(line.At, isWithinLine: true, out var quote, out var entry))
            return entry;
        if (!line.IsValid(line.At, quote))
            return line.Fail("a label value is not valid UTF-8");
        label.ValueLength = quote - line.At;
        line.At = quote + 1;
        return ReadSeparator();
    }

    private Entry ReadSeparator()
    {
        if (line.Current == (byte)',')
            line.At++;
        else if (line.Current != (byte)'}')
            return line.Fail("',' or '}' must follow the label value");
        return Entry.Sample;
    }

    /// <summary>One space and a number, up to the next space or the end of the line.</summary>
    private bool TryReadNumber(out double value)
    {
        value = 0;
        if (line.Current != (byte)' ')
            return false;
        line.At++;
        if (line.TryReadInteger(out value))
            return true;
        var length = line.Text[line.At..].IndexOfAny((byte)' ', (byte)'\n');
        if (length <= 0 || !FloatText.TryParse(line.Text.Slice(line.At, length), out value))
            return false;
        line.At += length;
        return true;
    }

    /// <summary>Seconds with a fraction, cut to milliseconds as Prometheus does.</summary>
    private bool TryReadTimestamp(out long milliseconds)
    {
        var isNumber = TryReadNumber(out var seconds) && double.IsFinite(seconds);
        milliseconds = isNumber ? (long)(seconds * 1000) : 0;
        return isNumber;
    }
}
