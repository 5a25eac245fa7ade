namespace Sidecar.Exposition;

/// <summary>The lines that begin with <c>#</c>.</summary>
internal ref partial struct TextParser
{
    /// <summary><c># TYPE name type</c>, <c># HELP name text</c>; of OpenMetrics <c># UNIT name unit</c> and <c># EOF</c>.</summary>
    private Entry ReadComment()
    {
        var comment = line.Text.Slice(line.At, line.Text[line.At..].IndexOf((byte)'\n'));
        if (isOpenMetrics && comment.StartsWith("# EOF"u8))
        {
            line.At += 5;
            if (line.Current != (byte)'\n')
                return line.Fail("nothing may follow # EOF");
            line.State.IsEnded = true;
        }
        else if (KeywordLength(comment) is > 0 and var length)
        {
            line.At += length;
            var entry = ReadMetadata(keyword: line.Text[line.At - 5]);
            if (entry != Entry.End)
                return entry;
        }
        else if (isOpenMetrics)
            return line.Fail("only # TYPE, # HELP, # UNIT and # EOF may begin with '#', with one space behind each");
        else
            line.At += comment.Length;
        line.EndLine();
        return Entry.End;
    }

    /// <summary>Up to behind the blank that follows the keyword; 0 for a comment that has none.</summary>
    private readonly int KeywordLength(ReadOnlySpan<byte> comment)
    {
        if (isOpenMetrics)
            return comment.StartsWith("# TYPE "u8) || comment.StartsWith("# HELP "u8) || comment.StartsWith("# UNIT "u8) ? 7 : 0;
        var keyword = comment[1..].TrimStart(" \t"u8);
        var isKeyword = keyword.Length + 1 < comment.Length && keyword.Length > 4 && LineCursor.IsBlank(keyword[4])
            && (keyword.StartsWith("TYPE"u8) || keyword.StartsWith("HELP"u8));
        return isKeyword ? comment.Length - keyword.Length + 5 : 0;
    }

    private Entry ReadMetadata(byte keyword)
    {
        SkipBlanks();
        int nameStart, nameLength;
        if (line.Current == (byte)'"')
        {
            // In quotes the name may hold a line break: the line ends behind it.
            nameStart = line.At + 1;
            if (!line.TryFindQuote(nameStart, isWithinLine: false, out var quote, out var otherwise))
                return otherwise;
            nameLength = quote - nameStart;
            line.At = quote + 1;
        }
        else
        {
            nameStart = line.At;
            nameLength = line.MetricNameLength(out _);
            if (nameLength == 0)
                return line.Fail(isOpenMetrics ? "a metric name must stand here"
                    : keyword == 'T' ? "a metric name must follow TYPE" : "a metric name must follow HELP");
            line.At += nameLength;
        }
        if (isOpenMetrics && line.Current != (byte)' ')
            return line.Fail("one space must follow the metric name");
        var end = line.At + line.Text[line.At..].IndexOf((byte)'\n');
        // One byte separates the name from what follows; it may be missing only with all the rest.
        var said = line.At = Math.Min(line.At + 1, end);
        switch (keyword)
        {
            case (byte)'T':
                if (TypeOf(line.Text[said..end]) is not { } type)
                    return line.Fail(isOpenMetrics
                        ? "the type must be counter, gauge, histogram, gaugehistogram, summary, info, stateset or unknown"
                        : "the type must be counter, gauge, histogram, summary or untyped");
                line.State.Type = type;
                Declare(nameStart, nameLength).Type = type;
                break;
            case (byte)'H':
                // The byte that separates may be the first of a character: then the text begins within it.
                if (!line.IsValid(said, end) || (said < end && (line.Text[said] & 0xc0) == 0x80))
                    return line.Fail("the help text is not valid UTF-8");
                Declare(nameStart, nameLength).SetHelp(line.Text.Slice(said, line.Unescape(said, end - said, keepsQuotes: !isOpenMetrics)));
                break;
            default:
                if (!MetricFamily.IsUnitOf(line.Text.Slice(nameStart, nameLength), line.Text[said..end]))
                    return line.Fail("the unit must be how the metric's name ends, with '_' before it");
                Declare(nameStart, nameLength).SetUnit(line.Text[said..end]);
                break;
        }
        line.At = end;
        return Entry.End;
    }

    private readonly MetricFamily Declare(int nameStart, int nameLength) =>
        line.State.Declare(line.Text.Slice(nameStart, line.Unescape(nameStart, nameLength)));

    /// <summary>The type that a TYPE line names; null for a word that is none in the format.</summary>
    private readonly MetricType? TypeOf(ReadOnlySpan<byte> word) => word switch
    {
        _ when word.SequenceEqual("counter"u8) => MetricType.Counter,
        _ when word.SequenceEqual("gauge"u8) => MetricType.Gauge,
        _ when word.SequenceEqual("histogram"u8) => MetricType.Histogram,
        _ when word.SequenceEqual("summary"u8) => MetricType.Summary,
        _ when word.SequenceEqual(isOpenMetrics ? "unknown"u8 : "untyped"u8) => MetricType.Unknown,
        _ when !isOpenMetrics => null,
        _ when word.SequenceEqual("gaugehistogram"u8) => MetricType.GaugeHistogram,
        _ when word.SequenceEqual("info"u8) => MetricType.Info,
        _ when word.SequenceEqual("stateset"u8) => MetricType.StateSet,
        _ => null,
    };
}
