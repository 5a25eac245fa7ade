using System.Buffers;
using System.Runtime.CompilerServices;

namespace Sidecar.Exposition;

/// <summary>
/// The text formats exactly as Prometheus 3 accepts and rejects them, in a window of whole lines, see <see cref="LineCursor"/>: 0.0.4 and
/// 1.0.0 (its model/textparse/promlex.l), OpenMetrics 0.0.1 and 1.0.0 (openmetricslex.l, openmetricsparse.go). OpenMetrics has single
/// spaces, no blank lines, no other comments, and <c># EOF</c> at the end. Its <c>_created</c> lines stay samples like any other, as with
/// Prometheus's defaults.
/// </summary>
internal ref partial struct TextParser(Span<byte> text, int start, bool isUtf8, bool isOpenMetrics, TextParserState state)
{
    private static readonly SearchValues<byte> PrometheusNumberEnd = SearchValues.Create(" \t\n{"u8);
    private static readonly SearchValues<byte> OpenMetricsNumberEnd = SearchValues.Create(" \n"u8);

    private readonly bool isOpenMetrics = isOpenMetrics;
    private LineCursor line = new(text, start, isUtf8, state);

    public readonly int Consumed => line.Consumed;
    public readonly string? Error => line.Error;

    /// <summary>Reads up to the next sample, and metadata on the way there.</summary>
    public Entry Read(Sample sample)
    {
        while (true)
        {
            SkipBlanks();
            if (line.At >= line.Text.Length)
            {
                line.Consumed = line.At;
                return Entry.End;
            }
            if (line.State.IsEnded)
                return line.Fail("nothing may follow # EOF");
            Entry entry;
            switch (line.Current)
            {
                case (byte)'\n' when !isOpenMetrics:
                    line.EndLine();
                    continue;
                case (byte)'#':
                    entry = ReadComment();
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
                        return line.Fail(isOpenMetrics ? "a metric name, '{' or '# ' must stand here"
                            : "a metric name, '{', '#' or a line break must stand here");
                    entry = ReadSample(sample, length, isLast);
                    break;
            }
            if (entry != Entry.End)
                return entry;
        }
    }

    /// <summary><c>name{label="value",…}</c> and what <see cref="ReadFromValue"/> reads; the name may stand in quotes inside.</summary>
    private Entry ReadSample(Sample sample, int nameLength, bool hasLastName)
    {
        line.BeginSample(sample, nameLength);
        SkipBlanks();
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

    /// <summary><c>value [timestamp]</c>, and in OpenMetrics <c>[# {label="value",…} value [timestamp]]</c>.</summary>
    private Entry ReadFromValue(Sample sample, bool isPredicted, bool hasLastName)
    {
        var entry = isOpenMetrics ? ReadOpenMetricsValue(sample) : ReadPrometheusValue(sample);
        if (entry != Entry.Sample)
            return entry;
        line.Complete(sample, isPredicted, hasLastName);
        if (sample.ExemplarCount > 0 && !sample.Exemplars[0].TryComplete(sample))
            sample.ExemplarCount = 0;
        line.EndSample(sample);
        return Entry.Sample;
    }

    private Entry ReadPrometheusValue(Sample sample)
    {
        line.SkipBlanks();
        if (!line.TryReadNumber(PrometheusNumberEnd, out sample.Value))
            return line.Fail("a number must follow as the value");
        line.SkipBlanks();
        if (LineCursor.IsDigit(line.Current))
        {
            sample.HasTimestamp = true;
            if (!TryReadMilliseconds(out sample.Timestamp))
                return line.Fail("the timestamp does not fit 64 bits");
            line.SkipBlanks();
        }
        return line.Current == (byte)'\n' ? Entry.Sample
            : line.Fail("a timestamp in milliseconds or the end of the line must follow the value");
    }

    private Entry ReadOpenMetricsValue(Sample sample)
    {
        if (!TryReadNumber(out sample.Value))
            return line.Fail("one space and a number must follow as the value");
        if (line.Current == (byte)' ' && !IsExemplar())
        {
            sample.HasTimestamp = true;
            if (!TryReadSeconds(out sample.Timestamp))
                return line.Fail("one space and a timestamp in seconds, an exemplar (# {…) or the end of the line must follow the value");
        }
        if (IsExemplar())
        {
            line.At += 4;
            var entry = ReadExemplar(sample.NextExemplar());
            if (entry != Entry.Sample)
                return entry;
            sample.ExemplarCount = 1;
        }
        if (line.Current != (byte)'\n')
            return line.Fail("the end of the line must stand here");
        return line.State.IsCut && line.At == line.Text.Length - 1 ? line.Fail("the body ends within a line") : Entry.Sample;
    }

    private readonly bool IsExemplar() => line.Text[line.At..].StartsWith(" # {"u8);

    /// <summary>From behind <c># {</c>.</summary>
    private Entry ReadExemplar(Exemplar exemplar)
    {
        while (line.Current != (byte)'}')
        {
            var entry = ReadLabel(isNameAllowed: false, isExemplar: true, out var label);
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
            if (!TryReadSeconds(out exemplar.Timestamp))
                return line.Fail("one space and a timestamp in seconds, or the end of the line, must follow the exemplar's value");
        }
        return Entry.Sample;
    }

    /// <summary>What stands between the braces, the closing one included; a comma may stand behind the last label.</summary>
    /// <param name="isPredicted">The labels have the predicted names.</param>
    private Entry ReadLabels(Sample sample, bool isNameKnown, out bool isPredicted)
    {
        var predicted = line.State.Predicted;
        isPredicted = isNameKnown && predicted.IsPlain;
        while (true)
        {
            if (isPredicted && sample.Count <= predicted.Count && predicted.Pattern(sample.Count - 1) is var pattern &&
                line.Text[line.At..].StartsWith(pattern))
            {
                var nameStart = line.At;
                line.At += pattern.Length;
                var entry = ReadLabelValue(out var start, out var length);
                if (entry != Entry.Sample)
                    return entry;
                sample.Add(nameStart, pattern.Length - 2, start, length);
                line.EndLabel(sample, start + length + 1);
                continue;
            }
            SkipBlanks();
            if (line.Current == (byte)'}')
                break;
            isPredicted = false;
            switch (ReadLabel(isNameAllowed: !isNameKnown, isExemplar: false, out var label))
            {
                case Entry.Sample:
                    sample.Add(label.NameStart, label.NameLength, label.ValueStart, label.ValueLength);
                    line.EndLabel(sample, label.ValueStart + label.ValueLength + 1);
                    break;
                case Entry.End:
                    isNameKnown = true;
                    sample.Labels[0].ValueStart = label.NameStart;
                    sample.Labels[0].ValueLength = label.NameLength;
                    break;
                case var entry:
                    return entry;
            }
        }
        if (!isNameKnown)
            return line.Fail("the sample has no name");
        line.At++;
        isPredicted &= sample.Count == predicted.Count + 1;
        return Entry.Sample;
    }

    /// <summary><c>name="value"</c>, <c>"any name"="value"</c>, or the metric's own name quoted: <see cref="Entry.End"/>.</summary>
    private Entry ReadLabel(bool isNameAllowed, bool isExemplar, out LabelSlice label)
    {
        label = default;
        if (line.Current == (byte)'"')
        {
            label.NameStart = line.At + 1;
            if (!line.TryFindQuote(label.NameStart, isWithinLine: isExemplar, out var quote, out var entry))
                return entry;
            label.NameLength = quote - label.NameStart;
            line.At = quote + 1;
            // Those of an exemplar are looked at later: they cost the exemplar and not the scrape.
            if (!isExemplar && !line.IsValid(label.NameStart, quote))
                return line.Fail("a name is not valid UTF-8");
            SkipBlanks();
            if (line.Current is (byte)',' or (byte)'}')
            {
                if (!isNameAllowed)
                    return line.Fail(isExemplar ? "'=' must follow the label name" : "the sample has two names");
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
            SkipBlanks();
        }
        if (line.Current != (byte)'=')
            return line.Fail("'=' must follow the label name");
        line.At++;
        SkipBlanks();
        if (line.Current != (byte)'"')
            return line.Fail("a label value in double quotes must follow '='");
        line.At++;
        return ReadLabelValue(out label.ValueStart, out label.ValueLength);
    }

    /// <summary>From behind the opening quote to behind the closing one and a comma.</summary>
    private Entry ReadLabelValue(out int start, out int length)
    {
        start = line.At;
        var isClosed = line.TryFindQuote(start, isWithinLine: isOpenMetrics, out var quote, out var entry);
        length = quote - start;
        if (!isClosed)
            return entry;
        if (!line.IsValid(start, quote))
            return line.Fail("a label value is not valid UTF-8");
        line.At = quote + 1;
        return ReadSeparator();
    }

    /// <summary>A comma, or nothing before the brace. Outside of OpenMetrics it may be missing anywhere, as in Prometheus.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Entry ReadSeparator()
    {
        if (line.Current is not ((byte)',' or (byte)'}'))
        {
            if (isOpenMetrics)
                return line.Fail("',' or '}' must follow the label value");
            line.SkipBlanks();
        }
        if (line.Current == (byte)',')
            line.At++;
        return Entry.Sample;
    }

    /// <summary>OpenMetrics has none where others may stand: what is expected there instead fails on them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SkipBlanks()
    {
        if (!isOpenMetrics)
            line.SkipBlanks();
    }

    /// <summary>One space and a number, up to the next space or the end of the line.</summary>
    private bool TryReadNumber(out double value)
    {
        value = 0;
        if (line.Current != (byte)' ')
            return false;
        line.At++;
        return line.TryReadNumber(OpenMetricsNumberEnd, out value);
    }

    /// <summary>A timestamp of OpenMetrics: seconds with a fraction, cut to milliseconds as Prometheus does.</summary>
    private bool TryReadSeconds(out long milliseconds)
    {
        var isNumber = TryReadNumber(out var seconds) && double.IsFinite(seconds);
        milliseconds = isNumber ? (long)(seconds * 1000) : 0;
        return isNumber;
    }

    private bool TryReadMilliseconds(out long timestamp)
    {
        timestamp = 0;
        while (LineCursor.IsDigit(line.Current))
        {
            var digit = line.Current - '0';
            if (timestamp > (long.MaxValue - digit) / 10)
                return false;
            timestamp = timestamp * 10 + digit;
            line.At++;
        }
        return true;
    }
}
