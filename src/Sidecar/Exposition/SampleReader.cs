using System.Text.Unicode;

namespace Sidecar.Exposition;

/// <summary>Why a body could not be read to its end.</summary>
internal enum ReadError
{
    None,
    /// <summary>It is not in its format.</summary>
    Parse,
    /// <summary>The compression is damaged or ends early.</summary>
    Compression,
    /// <summary>More inflated bytes than allowed.</summary>
    TooLarge,
    /// <summary>Reading it takes too long.</summary>
    TooSlow,
}

/// <summary>Streams the samples of a compressed body in any format. Reused from body to body.</summary>
internal sealed class SampleReader : IDisposable
{
    public const int WindowSize = BodyWindow.UsualSize;

    /// <summary>No line is longer than this, bytes: a bound on memory that no real metric comes near.</summary>
    public const int LongestLine = BodyWindow.Largest;

    private readonly TextParserState state = new();
    private readonly BodyWindow window;
    private readonly Func<string> lineTooLong;
    private readonly Sample read = new(); // by the parsers
    private ProtobufReader? protobuf; // made for the first such body
    private HistogramConversion? conversion; // likewise
    private bool converts;
    private bool isHeld; // what was read comes after the histogram that it ended
    private bool isDone; // nothing is left of the body but the histogram at its end
    private bool keepsClassic;
    private BodyFormat format;
    private int lines;   // end of the whole lines
    private int awaited; // bytes from the window's start on, before parsing is tried again
    private bool isUtf8;
    private bool isOpenMetrics;

    /// <param name="isSliceOver">Asked for each window whether others must have their turn; null where nobody waits.</param>
    public SampleReader(Func<bool>? isSliceOver = null)
    {
        window = new BodyWindow(isSliceOver);
        Sample = read;
        lineTooLong = () => $"line {state.Line + 1} is longer than {LongestLine} bytes";
    }

    public Sample Sample { get; private set; }

    /// <summary>Asked now and then while this body is read; what it answers ends the reading, in words.</summary>
    public Func<string?>? Interrupt
    {
        set => window.Interrupt = value;
    }

    /// <summary>The slice of the pass was over: <see cref="Read"/> found no sample yet, and goes on when it is called again.</summary>
    public bool IsPaused => window.IsPaused;

    public ReadError Error => window.Error;

    /// <summary>In words; with the line for a parse error.</summary>
    public string ErrorMessage => window.ErrorMessage;

    public long BytesRead => window.BytesRead;

    /// <summary>Begins a body. It is read as the samples are asked for.</summary>
    /// <param name="gzip">Compressed bytes; disposed at the end.</param>
    /// <param name="sizeLimit">Most inflated bytes; 0 for no limit.</param>
    /// <param name="bodyFormat">What the body is written in.</param>
    /// <param name="reading">What was set when it came.</param>
    public void Open(
        Stream gzip, long sizeLimit, BodyFormat bodyFormat = BodyFormat.PrometheusText100, BodyReading reading = BodyReading.Usual)
    {
        window.Open(gzip, sizeLimit);
        format = bodyFormat;
        isOpenMetrics = format is BodyFormat.OpenMetricsText001 or BodyFormat.OpenMetricsText100;
        lines = awaited = 0;
        state.Reset();
        state.KeepsBounds = (reading & BodyReading.BoundsAsScraped) != 0;
        Sample = read;
        isHeld = isDone = false;
        keepsClassic = (reading & BodyReading.ClassicToo) != 0;
        converts = (reading & BodyReading.ClassicToCustomBuckets) != 0;
        if (converts)
            (conversion ??= new HistogramConversion(state.Names)).Reset();
        if (format >= BodyFormat.PrometheusProto)
        {
            protobuf ??= new ProtobufReader(window, read, state.Names);
            protobuf.Begin(isNative: format == BodyFormat.PrometheusProto, reading);
        }
    }

    /// <summary>Lets go of the body; the reader can open another one.</summary>
    public void Dispose()
    {
        read.Window = []; // it may be large
        window.Dispose();
    }

    /// <summary>Classic histograms of the body so far that make no native one, and are not read without their classic series.</summary>
    public int Unconverted => converts && !keepsClassic ? conversion!.Failed : 0;

    /// <summary>The next sample, in <see cref="Sample"/>. False at the end of the body, at an error, or when paused.</summary>
    public bool Read() => converts ? ReadConverted(conversion!) : ReadOne();

    private bool ReadOne() => format >= BodyFormat.PrometheusProto ? protobuf!.Read() : ReadText();

    private bool ReadConverted(HistogramConversion conversion)
    {
        while (isHeld || (!isDone && ReadOne()))
        {
            if (!isHeld && conversion.TryEnd(read))
            {
                isHeld = true;
                Sample = conversion.Sample;
                return true;
            }
            isHeld = false;
            Sample = read;
            if (!conversion.Gather(read) || keepsClassic)
                return true;
        }
        if (IsPaused || Error != ReadError.None)
            return false;
        isDone = true;
        Sample = conversion.Sample;
        return conversion.TryEnd(null);
    }

    private bool ReadText()
    {
        while (window.Error == ReadError.None)
        {
            if (window.Start == lines && window.Pause() || !FillLines())
                return false;
            var parser = new TextParser(window.Bytes.AsSpan(0, lines), window.Start, isUtf8, isOpenMetrics, state);
            var entry = parser.Read(read);
            window.Start = parser.Consumed;
            switch (entry)
            {
                case Entry.Sample:
                    return true;
                case Entry.Error:
                    return window.Fail(ReadError.Parse, parser.Error!);
                case Entry.Incomplete when window.IsEnded:
                    return window.Fail(ReadError.Parse, $"line {state.Line + 1}: a double quote is opened and never closed");
                case Entry.Incomplete:
                    // The rest of the entry is not inflated yet. Twice as much is awaited before the next try, so that hostile
                    // input costs no more than a constant factor.
                    awaited = 2 * (window.Filled - window.Start);
                    lines = window.Start;
                    break;
                default:
                    break;
            }
        }
        return false;
    }

    /// <summary>Makes sure that there is at least one whole line to parse; false at the end of the body.</summary>
    private bool FillLines()
    {
        if (window.Start < lines)
            return true;
        while (true)
        {
            if (window.TryFill(lineTooLong))
            {
                var last = window.Bytes.AsSpan(window.Start, window.Filled - window.Start).LastIndexOf((byte)'\n');
                if (last < 0 || window.Filled - window.Start < awaited)
                    continue;
                lines = window.Start + last + 1;
            }
            else if (window.Error != ReadError.None || window.Start == window.Filled)
                return End();
            else
            {
                // The last line may lack its end.
                state.IsCut = window.Bytes[window.Filled - 1] != (byte)'\n';
                if (state.IsCut)
                    window.EndLine();
                lines = window.Filled;
            }
            awaited = 0;
            state.Before = -1; // it was moved
            read.Window = window.Bytes;
            isUtf8 = Utf8.IsValid(window.Bytes.AsSpan(window.Start, lines - window.Start));
            return true;
        }
    }

    /// <summary>An OpenMetrics body that is not empty must have said that it is complete.</summary>
    private bool End() =>
        window.Error == ReadError.None && isOpenMetrics && !state.IsEnded && BytesRead > 0 &&
        window.Fail(ReadError.Parse, "the body does not end with # EOF: it is not complete");
}
