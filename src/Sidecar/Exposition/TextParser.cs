using System.Buffers;
using System.Runtime.CompilerServices;

namespace Sidecar.Exposition;

/// <summary>The text formats 0.0.4 and 1.0.0 exactly as Prometheus 3 reads them (its promlex.l), in a <see cref="LineCursor"/>.</summary>
internal ref struct TextParser(Span<byte> text, int start, bool isUtf8, TextParserState state)
{
    internal static readonly SearchValues<byte> ValueEnd = SearchValues.Create(" \t\n{"u8);

    private LineCursor line = new(text, start, isUtf8, state);

    public readonly int Consumed => line.Consumed;
    public readonly string? Error => line.Error;

    /// <summary>Reads up to the next sample, and metadata on the way there.</summary>
    public Entry Read(Sample sample)
    {
        while (true)
        {
            line.SkipBlanks();
            if (line.At >= line.Text.Length)
            {
                line.Consumed = line.At;
                return Entry.End;
            }
            Entry entry;
            switch (line.Current)
            {
                case (byte)'\n':
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
                        if (shared > 1)
                            SkipComma();
                        entry = ReadFromLabel(sample, isNameKnown: true, hasLastName: true);
                        break;
                    }
                    var length = line.MetricNameLength(out var isLast);
                    if (length == 0)
                        return line.Fail("a metric name, '{', '#' or a line break must stand here");
                    entry = ReadSample(sample, length, isLast);
                    break;
            }
            if (entry != Entry.End)
                return entry;
        }
    }

    /// <summary><c># TYPE name type</c>, <c># HELP name text</c>, or any other comment.</summary>
    private Entry ReadComment()
    {
        var comment = line.Text.Slice(line.At, line.Text[line.At..].IndexOf((byte)'\n'));
        var rest = comment[1..];
        var keyword = rest.TrimStart(" \t"u8);
        if (keyword.Length < rest.Length && keyword.Length > 4 && LineCursor.IsBlank(keyword[4]) &&
            (keyword.StartsWith("TYPE"u8) || keyword.StartsWith("HELP"u8)))
        {
            line.At += comment.Length - keyword.Length + 5;
            var entry = ReadMetadata(isType: keyword[0] == (byte)'T');
            if (entry != Entry.End)
                return entry;
        }
        else
            line.At += comment.Length;
        line.EndLine();
        return Entry.End;
    }

    private Entry ReadMetadata(bool isType)
    {
        line.SkipBlanks();
        var missing = isType ? "a metric name must follow TYPE" : "a metric name must follow HELP";
        if (!line.TryReadMetadataName(missing, out var nameStart, out var nameLength, out var otherwise))
            return otherwise;
        var end = line.At + line.Text[line.At..].IndexOf((byte)'\n');
        // One byte separates the name from what follows; it may be missing only with all the rest.
        var said = Math.Min(line.At + 1, end);
        if (isType)
        {
            if (LineCursor.TypeOf(line.Text[said..end], isOpenMetrics: false) is not { } type)
                return line.Fail("the type must be counter, gauge, histogram, summary or untyped");
            line.State.Type = type;
            line.Declare(nameStart, nameLength).Type = type;
        }
        else
        {
            // The byte that separates may be the first of a character: then the text begins within it.
            if (!line.IsValid(said, end) || (said < end && (line.Text[said] & 0xc0) == 0x80))
                return line.Fail("the help text is not valid UTF-8");
            line.Declare(nameStart, nameLength).SetHelp(line.Text.Slice(said, line.Unescape(said, end - said, keepsQuotes: true)));
        }
        line.At = end;
        return Entry.End;
    }

    /// <summary><c>name{label="value",…} value [timestamp]</c>; with no name in front, it is quoted inside the braces.</summary>
    private Entry ReadSample(Sample sample, int nameLength, bool hasLastName)
    {
        line.BeginSample(sample, nameLength);
        line.SkipBlanks();
        if (line.Current != (byte)'{')
            return ReadFromValue(sample, isPredicted: false, hasLastName);
        line.EndLabel(sample, ++line.At);
        return ReadFromLabel(sample, isNameKnown: nameLength > 0, hasLastName);
    }

    private Entry ReadFromLabel(Sample sample, bool isNameKnown, bool hasLastName)
    {
        var entry = ReadLabels(sample, isNameKnown, out var isPredicted);
        if (entry != Entry.Sample)
            return entry;
        line.SkipBlanks();
        return ReadFromValue(sample, isPredicted, hasLastName);
    }

    private Entry ReadFromValue(Sample sample, bool isPredicted, bool hasLastName)
    {
        if (!TryReadValue(sample))
            return line.Fail("a number must follow as the value");
        line.SkipBlanks();
        if (LineCursor.IsDigit(line.Current))
        {
            sample.HasTimestamp = true;
            if (!TryReadTimestamp(out sample.Timestamp))
                return line.Fail("the timestamp does not fit 64 bits");
            line.SkipBlanks();
        }
        if (line.Current != (byte)'\n')
            return line.Fail("a timestamp in milliseconds or the end of the line must follow the value");
        line.Complete(sample, isPredicted, hasLastName);
        line.EndSample(sample);
        return Entry.Sample;
    }

    /// <summary>What stands between the braces, the closing one included. Commas between labels may be missing, as in Prometheus.</summary>
    /// <param name="isPredicted">The labels have the predicted names.</param>
    private Entry ReadLabels(Sample sample, bool nameKnown, out bool isPredicted)
    {
        var predicted = line.State.Predicted;
        isPredicted = nameKnown && predicted.IsPlain;
        while (true)
        {
            if (isPredicted && sample.Count <= predicted.Count)
            {
                var pattern = predicted.Pattern(sample.Count - 1);
                if (line.Text[line.At..].StartsWith(pattern))
                {
                    var nameStart = line.At;
                    line.At += pattern.Length;
                    var entry = ReadLabelValue(sample, nameStart, pattern.Length - 2);
                    if (entry != Entry.Sample)
                        return entry;
                    continue;
                }
            }
            line.SkipBlanks();
            if (line.Current == (byte)'}')
            {
                line.At++;
                break;
            }
            isPredicted = false;
            var slow = ReadLabel(sample, ref nameKnown);
            if (slow != Entry.Sample)
                return slow;
        }
        if (!nameKnown)
            return line.Fail("the sample has no name");
        isPredicted &= sample.Count == predicted.Count + 1;
        return Entry.Sample;
    }

    /// <summary><c>name="value"</c>, <c>"any name"="value"</c>, or the metric's own name in quotes.</summary>
    private Entry ReadLabel(Sample sample, ref bool nameKnown)
    {
        int nameStart, nameLength;
        var isQuoted = line.Current == (byte)'"';
        if (isQuoted)
        {
            nameStart = line.At + 1;
            if (!line.TryFindQuote(nameStart, isWithinLine: false, out var quote, out var entry))
                return entry;
            line.At = quote + 1;
            if (!line.IsValid(nameStart, quote))
                return line.Fail("a name is not valid UTF-8");
            nameLength = quote - nameStart;
            line.SkipBlanks();
            if (line.Current is (byte)',' or (byte)'}')
            {
                if (nameKnown)
                    return line.Fail("the sample has two names");
                if (nameLength == 0)
                    return line.Fail("the sample has an empty name");
                nameKnown = true;
                sample.Labels[0].ValueStart = nameStart;
                sample.Labels[0].ValueLength = nameLength;
                if (line.Current == (byte)',')
                    line.At++;
                return Entry.Sample;
            }
        }
        else
        {
            nameStart = line.At;
            nameLength = line.LabelNameLength();
            if (nameLength == 0)
                return line.Fail("a label name or '}' must stand here");
            line.At += nameLength;
            line.SkipBlanks();
        }
        if (line.Current != (byte)'=')
            return line.Fail("'=' must follow the label name");
        line.At++;
        line.SkipBlanks();
        if (line.Current != (byte)'"')
            return line.Fail("a label value in double quotes must follow '='");
        line.At++;
        return ReadLabelValue(sample, nameStart, nameLength);
    }

    /// <summary>From behind the opening quote to behind the closing one and a comma.</summary>
    private Entry ReadLabelValue(Sample sample, int nameStart, int nameLength)
    {
        var start = line.At;
        if (!line.TryFindQuote(start, isWithinLine: false, out var quote, out var entry))
            return entry;
        if (!line.IsValid(start, quote))
            return line.Fail("a label value is not valid UTF-8");
        sample.Add(nameStart, nameLength, start, quote - start);
        line.At = quote + 1;
        line.EndLabel(sample, line.At);
        SkipComma();
        return Entry.Sample;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SkipComma()
    {
        if (line.Current == (byte)',')
            line.At++;
        else if (LineCursor.IsBlank(line.Current))
        {
            line.SkipBlanks();
            if (line.Current == (byte)',')
                line.At++;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadValue(Sample sample)
    {
        if (line.TryReadInteger(out sample.Value))
            return true;
        var length = line.Text[line.At..].IndexOfAny(ValueEnd);
        if (length <= 0 || !FloatText.TryParse(line.Text.Slice(line.At, length), out sample.Value))
            return false;
        line.At += length;
        return true;
    }

    private bool TryReadTimestamp(out long timestamp)
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
