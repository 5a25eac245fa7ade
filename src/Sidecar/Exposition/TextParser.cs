using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;

namespace Sidecar.Exposition;

internal enum Entry
{
    Sample,
    /// <summary>Nothing is left in the window but what was consumed.</summary>
    End,
    /// <summary>An entry begins at <see cref="TextParser.Consumed"/> and is not complete: a quoted string with line breaks in it.</summary>
    Incomplete,
    /// <summary>See <see cref="TextParser.Error"/>; nothing behind it can be read.</summary>
    Error,
}

/// <summary>What the parser carries from one window to the next.</summary>
internal sealed class TextParserState
{
    public readonly LabelNamesCache Names = new();

    /// <summary>Names of the sample before: consecutive lines mostly share them, so they are tried first.</summary>
    public LabelNames Predicted = LabelNames.None;

    public MetricType Type;

    /// <summary>Lines completed so far.</summary>
    public long Line;

    public void Reset()
    {
        Predicted = LabelNames.None;
        Type = MetricType.Unknown;
        Line = 0;
    }
}

/// <summary>
/// The Prometheus text format 0.0.4 and 1.0.0, as Prometheus 3 accepts and rejects it (its model/textparse/promlex.l). Works over one
/// window of whole lines, in place: escaped values are unescaped where they stand, and samples point into the window.
/// </summary>
internal ref struct TextParser
{
    internal static readonly SearchValues<byte> MetricNameBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"u8);

    internal static readonly SearchValues<byte> LabelNameBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"u8);

    internal static readonly SearchValues<byte> ValueEnd = SearchValues.Create(" \t\n{"u8);

    private readonly Span<byte> text;
    private readonly TextParserState state;
    private readonly bool isUtf8;
    private int at;
    private int linesWithin;
    private bool isEscaped;

    /// <param name="text">From the start of <see cref="Sample.Window"/>; its last byte is a line break, or it is empty.</param>
    /// <param name="start">Where to begin.</param>
    /// <param name="isUtf8">All of the text from there is valid UTF-8; if not, each name and value is checked by itself.</param>
    /// <param name="state">Kept by the caller from window to window.</param>
    public TextParser(Span<byte> text, int start, bool isUtf8, TextParserState state)
    {
        this.text = text;
        this.state = state;
        at = start;
        Consumed = start;
        this.isUtf8 = isUtf8;
    }

    /// <summary>Everything before this offset has been read.</summary>
    public int Consumed { get; private set; }

    /// <summary>Cause in words, with the line's number and its beginning.</summary>
    public string? Error { get; private set; }

    /// <summary>Reads up to the next sample. Comments and metadata are checked and passed over; a TYPE is remembered.</summary>
    public Entry Read(Sample sample)
    {
        while (true)
        {
            SkipBlanks();
            if (at >= text.Length)
            {
                Consumed = at;
                return Entry.End;
            }
            var first = text[at];
            Entry entry;
            if (first == (byte)'\n')
            {
                EndLine();
                continue;
            }
            if (first == (byte)'#')
                entry = ReadComment();
            else if (first == (byte)'{')
                entry = ReadSample(sample, nameLength: 0);
            else
            {
                var length = text[at..].IndexOfAnyExcept(MetricNameBytes);
                if (length <= 0 || IsDigit(first))
                    return Fail("a metric name, '{', '#' or a line break must stand here");
                entry = ReadSample(sample, length);
            }
            if (entry != Entry.End)
                return entry;
        }
    }

    /// <summary>The name may stand without quotes.</summary>
    public static bool IsLegacyLabel(ReadOnlySpan<byte> name) => !name.IsEmpty && !IsDigit(name[0]) && !name.ContainsAnyExcept(LabelNameBytes);

    private static bool IsDigit(byte c) => (uint)(c - '0') <= 9;

    private static bool IsBlank(byte c) => c is (byte)' ' or (byte)'\t';

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void SkipBlanks()
    {
        while (at < text.Length && IsBlank(text[at]))
            at++;
    }

    private void EndLine()
    {
        at++;
        state.Line += 1 + linesWithin;
        linesWithin = 0;
        Consumed = at;
    }

    /// <summary><c># TYPE name type</c>, <c># HELP name text</c>, or any other comment.</summary>
    private Entry ReadComment()
    {
        var line = text.Slice(at, text[at..].IndexOf((byte)'\n'));
        var rest = line[1..];
        var keyword = rest.TrimStart(" \t"u8);
        if (keyword.Length < rest.Length && keyword.Length > 4 && IsBlank(keyword[4]) &&
            (keyword.StartsWith("TYPE"u8) || keyword.StartsWith("HELP"u8)))
        {
            var isType = keyword[0] == (byte)'T';
            at += line.Length - keyword.Length + 5;
            SkipBlanks();
            if (text[at] == (byte)'"')
            {
                // A quoted name may hold a line break: the line ends behind it.
                if (!TryFindQuote(at + 1, out var quote, out var entry))
                    return entry;
                at = quote + 1;
            }
            else
            {
                var length = text[at..].IndexOfAnyExcept(MetricNameBytes);
                if (length <= 0 || IsDigit(text[at]))
                    return Fail(isType ? "a metric name must follow TYPE" : "a metric name must follow HELP");
                at += length;
            }
            var end = at + text[at..].IndexOf((byte)'\n');
            // One byte separates the name from what follows; it may be missing only with all the rest.
            var said = end > at ? text[(at + 1)..end] : default;
            if (isType && !TrySetType(said))
                return Fail("the type must be counter, gauge, histogram, summary or untyped");
            if (!isType && !isUtf8 && !Utf8.IsValid(said))
                return Fail("the help text is not valid UTF-8");
            at = end;
        }
        else
            at += line.Length;
        EndLine();
        return Entry.End;
    }

    private readonly bool TrySetType(ReadOnlySpan<byte> said)
    {
        MetricType? type = said switch
        {
            _ when said.SequenceEqual("counter"u8) => MetricType.Counter,
            _ when said.SequenceEqual("gauge"u8) => MetricType.Gauge,
            _ when said.SequenceEqual("histogram"u8) => MetricType.Histogram,
            _ when said.SequenceEqual("summary"u8) => MetricType.Summary,
            _ when said.SequenceEqual("untyped"u8) => MetricType.Unknown,
            _ => null,
        };
        state.Type = type ?? state.Type;
        return type is not null;
    }

    /// <summary><c>name{label="value",…} value [timestamp]</c>; with no name in front, it is quoted inside the braces.</summary>
    private Entry ReadSample(Sample sample, int nameLength)
    {
        sample.Begin(at, nameLength);
        at += nameLength;
        isEscaped = false;
        var isPredicted = false;
        SkipBlanks();
        if (text[at] == (byte)'{')
        {
            at++;
            var entry = ReadLabels(sample, nameKnown: nameLength > 0, out isPredicted);
            if (entry != Entry.Sample)
                return entry;
            SkipBlanks();
        }

        if (!TryReadValue(sample))
            return Fail("a number must follow as the value");
        SkipBlanks();
        if (IsDigit(text[at]))
        {
            sample.HasTimestamp = true;
            if (!TryReadTimestamp(out sample.Timestamp))
                return Fail("the timestamp does not fit 64 bits");
            SkipBlanks();
        }
        if (text[at] != (byte)'\n')
            return Fail("a timestamp in milliseconds or the end of the line must follow the value");
        if (isEscaped)
            Unescape(sample);
        if (!isPredicted)
            state.Predicted = state.Names.Get(sample);
        sample.Names = state.Predicted;
        Normalize(sample);
        EndLine();
        return Entry.Sample;
    }

    /// <summary>What stands between the braces, the closing one included. Commas between labels may be missing, as in Prometheus.</summary>
    /// <param name="isPredicted">The labels have the predicted names.</param>
    private Entry ReadLabels(Sample sample, bool nameKnown, out bool isPredicted)
    {
        var predicted = state.Predicted;
        isPredicted = nameKnown && predicted.IsPlain;
        while (true)
        {
            if (isPredicted && sample.Count <= predicted.Count)
            {
                var pattern = predicted.Pattern(sample.Count - 1);
                if (text[at..].StartsWith(pattern))
                {
                    var nameStart = at;
                    at += pattern.Length;
                    var entry = ReadLabelValue(sample, nameStart, pattern.Length - 2);
                    if (entry != Entry.Sample)
                        return entry;
                    continue;
                }
            }
            SkipBlanks();
            if (text[at] == (byte)'}')
            {
                at++;
                break;
            }
            isPredicted = false;
            var slow = ReadLabel(sample, ref nameKnown);
            if (slow != Entry.Sample)
                return slow;
        }
        if (!nameKnown)
            return Fail("the sample has no name");
        isPredicted &= sample.Count == predicted.Count + 1;
        return Entry.Sample;
    }

    /// <summary><c>name="value"</c>, <c>"any name"="value"</c>, or the metric's own name in quotes.</summary>
    private Entry ReadLabel(Sample sample, ref bool nameKnown)
    {
        int nameStart, nameLength;
        var isQuoted = text[at] == (byte)'"';
        if (isQuoted)
        {
            nameStart = at + 1;
            if (!TryFindQuote(nameStart, out var quote, out var entry))
                return entry;
            at = quote + 1;
            if (!isUtf8 && !Utf8.IsValid(text[nameStart..quote]))
                return Fail("a name is not valid UTF-8");
            nameLength = quote - nameStart;
            SkipBlanks();
            if (text[at] is (byte)',' or (byte)'}')
            {
                if (nameKnown)
                    return Fail("the sample has two names");
                if (nameLength == 0)
                    return Fail("the sample has an empty name");
                nameKnown = true;
                sample.Labels[0].ValueStart = nameStart;
                sample.Labels[0].ValueLength = nameLength;
                if (text[at] == (byte)',')
                    at++;
                return Entry.Sample;
            }
            if (nameLength == 0)
                return Fail("a label has an empty name");
        }
        else
        {
            nameStart = at;
            nameLength = text[at..].IndexOfAnyExcept(LabelNameBytes);
            if (nameLength <= 0 || IsDigit(text[at]))
                return Fail("a label name or '}' must stand here");
            at += nameLength;
            SkipBlanks();
        }
        if (text[at] != (byte)'=')
            return Fail("'=' must follow the label name");
        at++;
        SkipBlanks();
        if (text[at] != (byte)'"')
            return Fail("a label value in double quotes must follow '='");
        at++;
        return ReadLabelValue(sample, nameStart, nameLength);
    }

    /// <summary>From behind the opening quote to behind the closing one and a comma.</summary>
    private Entry ReadLabelValue(Sample sample, int nameStart, int nameLength)
    {
        var start = at;
        if (!TryFindQuote(start, out var quote, out var entry))
            return entry;
        if (!isUtf8 && !Utf8.IsValid(text[start..quote]))
        {
            at = start;
            return Fail("a label value is not valid UTF-8");
        }
        sample.Add(nameStart, nameLength, start, quote - start);
        at = quote + 1;
        if (text[at] == (byte)',')
            at++;
        else if (IsBlank(text[at]))
        {
            SkipBlanks();
            if (text[at] == (byte)',')
                at++;
        }
        return Entry.Sample;
    }

    /// <summary>The closing quote of a string that begins at <paramref name="start"/>. Line breaks may stand inside it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFindQuote(int start, out int quote, out Entry otherwise)
    {
        otherwise = Entry.Sample;
        var length = text[start..].IndexOfAny((byte)'"', (byte)'\\', (byte)'\n');
        quote = start + length;
        return (length >= 0 && text[quote] == (byte)'"') || TryFindQuoteSlowly(ref quote, length, out otherwise);
    }

    private bool TryFindQuoteSlowly(ref int quote, int length, out Entry otherwise)
    {
        var lines = 0;
        while (true)
        {
            if (length < 0 || quote >= text.Length)
            {
                otherwise = Entry.Incomplete;
                return false;
            }
            switch (text[quote])
            {
                case (byte)'"':
                    linesWithin += lines;
                    otherwise = Entry.Sample;
                    return true;
                case (byte)'\n':
                    lines++;
                    quote++;
                    break;
                default:
                    isEscaped = true;
                    if (text[quote + 1] == (byte)'\n')
                    {
                        otherwise = Fail("a backslash stands at the end of the line, within quotes");
                        return false;
                    }
                    quote += 2;
                    break;
            }
            length = text[quote..].IndexOfAny((byte)'"', (byte)'\\', (byte)'\n');
            quote += Math.Max(length, 0);
        }
    }

    /// <summary>
    /// Only once the whole entry has been read: one that turns out to be incomplete is read again from its beginning.
    /// </summary>
    private readonly void Unescape(Sample sample)
    {
        sample.Labels[0].ValueLength = Unescape(sample.Labels[0].ValueStart, sample.Labels[0].ValueLength);
        for (var i = 1; i < sample.Count; i++)
        {
            ref var label = ref sample.Labels[i];
            label.NameLength = Unescape(label.NameStart, label.NameLength);
            label.ValueLength = Unescape(label.ValueStart, label.ValueLength);
        }
    }

    /// <summary><c>\"</c>, <c>\\</c> and <c>\n</c> are replaced in place; any other escape stays as it is. Returns the new length.</summary>
    private readonly int Unescape(int start, int length)
    {
        var from = text.Slice(start, length).IndexOf((byte)'\\');
        if (from < 0)
            return length;
        var to = start + from;
        var end = start + length;
        for (from = to; from < end; from++)
        {
            var c = text[from];
            if (c == (byte)'\\' && from + 1 < end && (text[from + 1] is (byte)'"' or (byte)'\\' or (byte)'n'))
            {
                from++;
                c = text[from] == (byte)'n' ? (byte)'\n' : text[from];
            }
            text[to++] = c;
        }
        return to - start;
    }

    /// <summary>A number up to a blank or the end of the line; plain integers of up to 15 digits are read without the general parser.</summary>
    private bool TryReadValue(Sample sample)
    {
        var start = at;
        long integer = 0;
        while (IsDigit(text[at]) && at - start < 15)
            integer = integer * 10 + (text[at++] - '0');
        if (at > start && text[at] is (byte)'\n' or (byte)' ')
        {
            sample.Value = integer;
            return true;
        }
        at = start;
        var length = text[start..].IndexOfAny(ValueEnd);
        if (length <= 0 || !FloatText.TryParse(text.Slice(start, length), out sample.Value))
            return false;
        at = start + length;
        return true;
    }

    private bool TryReadTimestamp(out long timestamp)
    {
        timestamp = 0;
        while (IsDigit(text[at]))
        {
            var digit = text[at] - '0';
            if (timestamp > (long.MaxValue - digit) / 10)
                return false;
            timestamp = timestamp * 10 + digit;
            at++;
        }
        return true;
    }

    private readonly void Normalize(Sample sample)
    {
        var index = state.Type switch
        {
            MetricType.Histogram => sample.Names.BucketIndex,
            MetricType.Summary => sample.Names.QuantileIndex,
            _ => -1,
        };
        if (index < 0)
            return;
        Span<byte> normal = stackalloc byte[32];
        if (FloatText.TryNormalize(sample.LabelValue(index + 1), normal, out var written))
            sample.Rewrite(index + 1, normal[..written]);
    }

    /// <summary>Names the cause, the line and how the line begins.</summary>
    private Entry Fail(string cause)
    {
        const int Most = 160;
        var begin = Math.Min(at, text.Length - 1);
        begin = text[..begin].LastIndexOf((byte)'\n') + 1;
        var line = text[begin..];
        var length = line.IndexOf((byte)'\n');
        if (length >= 0)
            line = line[..length];
        var excerpt = Encoding.UTF8.GetString(line[..Math.Min(line.Length, Most)]);
        Error = $"line {state.Line + 1}, column {at - begin + 1}: {cause}: {excerpt}{(line.Length > Most ? "…" : "")}";
        return Entry.Error;
    }
}
