using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Unicode;

namespace Sidecar.Exposition;

internal enum Entry
{
    Sample,
    /// <summary>Nothing is left in the window but what was consumed.</summary>
    End,
    /// <summary>An entry begins at <see cref="LineCursor.Consumed"/> and is not complete: a quoted string with line breaks in it.</summary>
    Incomplete,
    /// <summary>See <see cref="LineCursor.Error"/>; nothing behind it can be read.</summary>
    Error,
}

/// <summary>A place in a window of whole lines; names, quoted strings, escapes and numbers of the text formats, in place.</summary>
/// <param name="text">From the start of <see cref="Sample.Window"/>; its last byte is a line break, or it is empty.</param>
/// <param name="start">Where to begin.</param>
/// <param name="isUtf8">All of the text from there is valid UTF-8; if not, each name and value is checked by itself.</param>
/// <param name="state">Kept by the caller from window to window.</param>
internal ref struct LineCursor(Span<byte> text, int start, bool isUtf8, TextParserState state)
{
    internal static readonly SearchValues<byte> MetricNameBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_:"u8);

    internal static readonly SearchValues<byte> LabelNameBytes =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"u8);

    public readonly Span<byte> Text = text;
    public readonly TextParserState State = state;
    public readonly bool IsUtf8 = isUtf8;

    public int At = start;

    /// <summary>Everything before this offset has been read.</summary>
    public int Consumed = start;

    /// <summary>A quoted string of the entry holds a backslash.</summary>
    public bool IsEscaped;

    public string? Error;

    private int linesWithin;
    private int begin; // of the line of a sample; -1 where the next line cannot be compared with it

    public readonly byte Current => Text[At];

    public static bool IsLegacyLabel(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && !IsDigit(name[0]) && !name.ContainsAnyExcept(LabelNameBytes);

    /// <inheritdoc cref="IsLegacyLabel"/>
    public static bool IsLegacyMetric(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && !IsDigit(name[0]) && !name.ContainsAnyExcept(MetricNameBytes);

    public static bool IsDigit(byte c) => (uint)(c - '0') <= 9;

    public static bool IsBlank(byte c) => c is (byte)' ' or (byte)'\t';

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SkipBlanks()
    {
        while (At < Text.Length && IsBlank(Text[At]))
            At++;
    }

    /// <summary>Skips the labels shared with the line before, and begins the sample with them. Mostly that is all labels but le.</summary>
    /// <returns>How many they are, the metric's name included; 0 where the line must be read from its beginning.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int SkipShared(Sample sample)
    {
        begin = At;
        if (State.Before < 0 || State.BeforeOrdinal != sample.Ordinal)
            return 0;
        var same = Text.Slice(State.Before, State.BeforeLength).CommonPrefixLength(Text[At..]);
        State.Before = -1; // until this line is complete
        var shared = State.Shareable;
        while (shared > 0 && State.LabelEnds[shared - 1] > same)
            shared--;
        if (shared == 0)
            return 0;
        sample.BeginSharing(shared);
        At += State.LabelEnds[shared - 1];
        IsEscaped = false;
        return shared;
    }

    /// <summary>Begins a sample whose name stands here, or, with a length of 0, in quotes inside the braces.</summary>
    public void BeginSample(Sample sample, int nameLength)
    {
        begin = nameLength > 0 ? At : -1;
        State.Before = -1;
        sample.Begin(At, nameLength);
        At += nameLength;
        IsEscaped = false;
    }

    /// <summary>Notes where the text of the sample's last label ends, or the brace behind its name.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void EndLabel(Sample sample, int end)
    {
        if (sample.Count <= TextParserState.MostShared)
            State.LabelEnds[sample.Count - 1] = end - begin;
    }

    /// <summary>Steps over the line break of a sample.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EndSample(Sample sample)
    {
        if (begin >= 0 && !IsEscaped && linesWithin == 0 && sample.Count is > 1 and <= TextParserState.MostShared)
        {
            State.Before = begin;
            State.BeforeLength = At - begin;
            State.BeforeOrdinal = sample.Ordinal;
        }
        EndLine();
    }

    /// <summary>Steps over the line break.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void EndLine()
    {
        At++;
        State.Line += 1 + linesWithin;
        linesWithin = 0;
        Consumed = At;
    }

    /// <summary>The length of the metric name that stands here without quotes; 0 for none. Mostly it is that of the line before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int MetricNameLength(out bool isLast)
    {
        var last = State.LastPlainName;
        isLast = !last.IsEmpty && Text[At..].StartsWith(last) && Text[At + last.Length] is (byte)'{' or (byte)' ';
        return isLast ? last.Length : Math.Max(IsDigit(Text[At]) ? 0 : Text[At..].IndexOfAnyExcept(MetricNameBytes), 0);
    }

    /// <summary>The length of the label name that stands here without quotes; 0 for none.</summary>
    public readonly int LabelNameLength() => Math.Max(IsDigit(Text[At]) ? 0 : Text[At..].IndexOfAnyExcept(LabelNameBytes), 0);

    /// <summary>The closing quote of a string that begins at <paramref name="from"/>.</summary>
    /// <param name="isWithinLine">Line breaks may not stand inside it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryFindQuote(int from, bool isWithinLine, out int quote, out Entry otherwise)
    {
        otherwise = Entry.Sample;
        var length = Text[from..].IndexOfAny((byte)'"', (byte)'\\', (byte)'\n');
        quote = from + length;
        return (length >= 0 && Text[quote] == (byte)'"') || TryFindQuoteSlowly(ref quote, length, isWithinLine, out otherwise);
    }

    private bool TryFindQuoteSlowly(ref int quote, int length, bool isWithinLine, out Entry otherwise)
    {
        var lines = 0;
        while (true)
        {
            if (length < 0 || quote >= Text.Length)
            {
                otherwise = Entry.Incomplete;
                return false;
            }
            switch (Text[quote])
            {
                case (byte)'"':
                    linesWithin += lines;
                    otherwise = Entry.Sample;
                    return true;
                case (byte)'\n' when isWithinLine:
                    otherwise = Fail("a double quote is opened and not closed on its line");
                    return false;
                case (byte)'\n':
                    lines++;
                    quote++;
                    break;
                default:
                    IsEscaped = true;
                    if (Text[quote + 1] == (byte)'\n')
                    {
                        otherwise = Fail("a backslash stands at the end of the line, within quotes");
                        return false;
                    }
                    quote += 2;
                    break;
            }
            length = Text[quote..].IndexOfAny((byte)'"', (byte)'\\', (byte)'\n');
            quote += Math.Max(length, 0);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsValid(int from, int to) => IsUtf8 || Utf8.IsValid(Text[from..to]);

    /// <summary>Only once the whole entry has been read: one that turns out to be incomplete is read again from its beginning.</summary>
    public readonly void Unescape(Sample sample)
    {
        if (sample.Shared == 0)
            sample.Labels[0].ValueLength = Unescape(sample.Labels[0].ValueStart, sample.Labels[0].ValueLength);
        var first = Math.Max(1, sample.Shared);
        Unescape(sample.Labels.AsSpan(first, sample.Count - first));
        for (var i = 0; i < sample.ExemplarCount; i++)
            Unescape(sample.Exemplars[i].Labels.AsSpan(0, sample.Exemplars[i].Count));
    }

    private readonly void Unescape(Span<LabelSlice> labels)
    {
        foreach (ref var label in labels)
        {
            label.NameLength = Unescape(label.NameStart, label.NameLength);
            label.ValueLength = Unescape(label.ValueStart, label.ValueLength);
        }
    }

    /// <summary><c>\"</c>, <c>\\</c> and <c>\n</c> are replaced in place; any other escape stays. Returns the new length.</summary>
    /// <param name="keepsQuotes"><c>\"</c> is no escape, as in the help text of the Prometheus formats.</param>
    public readonly int Unescape(int start, int length, bool keepsQuotes = false)
    {
        var from = Text.Slice(start, length).IndexOf((byte)'\\');
        if (from < 0)
            return length;
        var to = start + from;
        var end = start + length;
        for (from = to; from < end; from++)
        {
            var c = Text[from];
            if (c == (byte)'\\' && from + 1 < end &&
                (Text[from + 1] is (byte)'\\' or (byte)'n' || (Text[from + 1] == (byte)'"' && !keepsQuotes)))
            {
                from++;
                c = Text[from] == (byte)'n' ? (byte)'\n' : Text[from];
            }
            Text[to++] = c;
        }
        return to - start;
    }

    /// <summary>A number up to one of the bytes that may end it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryReadNumber(SearchValues<byte> ends, out double value) => TryReadInteger(out value) || TryReadDecimal(ends, out value);

    /// <summary>A plain integer of up to 15 digits, which most values are, up to a space or the end of the line.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryReadInteger(out double value)
    {
        var from = At;
        long integer = 0;
        while (IsDigit(Text[At]) && At - from < 15)
            integer = integer * 10 + (Text[At++] - '0');
        value = integer;
        if (At > from && Text[At] is (byte)'\n' or (byte)' ')
            return true;
        At = from;
        return false;
    }

    private bool TryReadDecimal(SearchValues<byte> ends, out double value)
    {
        var length = Text[At..].IndexOfAny(ends);
        if (!FloatText.TryParse(Text.Slice(At, length), out value))
            return false;
        At += length;
        return true;
    }

    /// <summary>Completes a line: interned names, the metric, <c>le</c> and <c>quantile</c> as in Prometheus 3.</summary>
    /// <param name="hasLastNames">The labels have the predicted names.</param>
    /// <param name="hasLastName">The metric name is that of the line before.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Complete(Sample sample, bool hasLastNames, bool hasLastName)
    {
        if (IsEscaped)
            Unescape(sample);
        if (!hasLastNames)
            State.Predicted = State.Names.Get(sample);
        sample.Names = State.Predicted;
        if (!hasLastName)
            State.EnterFamily(sample);
        var index = State.KeepsBounds ? -1 : State.Type switch
        {
            MetricType.Histogram => sample.Names.BucketIndex,
            MetricType.Summary => sample.Names.QuantileIndex,
            _ => -1,
        };
        State.Shareable = sample.Count;
        // What is shared with the line before was looked at there.
        if (index + 1 >= Math.Max(1, sample.Shared))
            Normalize(sample, index + 1);
    }

    private readonly void Normalize(Sample sample, int index)
    {
        Span<byte> normal = stackalloc byte[32];
        if (!FloatText.TryNormalize(sample.LabelValue(index), normal, out var written))
            return;
        sample.Rewrite(index, normal[..written]);
        State.Shareable = index;
    }

    /// <summary>Names the cause, the line and how the line begins.</summary>
    public Entry Fail(string cause)
    {
        const int Most = 160;
        var begin = Math.Min(At, Text.Length - 1);
        begin = Text[..begin].LastIndexOf((byte)'\n') + 1;
        var line = Text[begin..];
        var length = line.IndexOf((byte)'\n');
        if (length >= 0)
            line = line[..length];
        var excerpt = Encoding.UTF8.GetString(line[..Math.Min(line.Length, Most)]);
        Error = $"line {State.Line + 1}, column {At - begin + 1}: {cause}: {excerpt}{(line.Length > Most ? "…" : "")}";
        return Entry.Error;
    }
}
