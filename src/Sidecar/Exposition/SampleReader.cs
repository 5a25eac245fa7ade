using System.IO.Compression;
using System.Text.Unicode;
using Sidecar.Scraping;

namespace Sidecar.Exposition;

/// <summary>Why a body could not be read to its end.</summary>
internal enum ReadError
{
    None,
    /// <summary>The text is not in the format.</summary>
    Parse,
    /// <summary>The compression is damaged or ends early.</summary>
    Compression,
    /// <summary>More inflated bytes than allowed.</summary>
    TooLarge,
    /// <summary>Reading it takes too long.</summary>
    TooSlow,
}

/// <summary>
/// Streams the samples of one compressed body: inflates it into a window and parses whole lines there. Reused from body to body; the
/// window grows only for a line that does not fit it, and shrinks back afterwards.
/// </summary>
internal sealed class SampleReader : IDisposable
{
    /// <summary>The usual window, bytes.</summary>
    public const int WindowSize = 64 * 1024;

    /// <summary>
    /// No line is longer than this, bytes: a bound on memory. The annotations of a Kubernetes object, the longest labels that are known, take
    /// 256 KiB at most.
    /// </summary>
    public const int LongestLine = 1024 * 1024;

    /// <summary>.NET takes truncated gzip for the end of the data unless told otherwise: half a scrape would pass for a whole one.</summary>
    static SampleReader() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    private readonly TextParserState state = new();
    private byte[] window = new byte[WindowSize];
    private Stream? inflated;
    private long limit;
    private int start;  // of what is not yet parsed
    private int lines;  // end of the whole lines
    private int filled; // end of what was inflated
    private int awaited; // bytes from start on, before parsing is tried again
    private bool ended;
    private bool isUtf8;

    public Sample Sample { get; } = new();

    /// <summary>Called now and then while a body is read, and may keep it waiting.</summary>
    public Action? Pause { get; init; }

    /// <summary>Asked now and then while this body is read; what it answers ends the reading, in words.</summary>
    public Func<string?>? Objection { get; set; }

    public ReadError Error { get; private set; }

    /// <summary>In words; with the line for a parse error.</summary>
    public string ErrorMessage { get; private set; } = "";

    /// <summary>Inflated bytes read so far.</summary>
    public long BytesRead { get; private set; }

    /// <summary>Begins a body. It is read as the samples are asked for.</summary>
    /// <param name="gzip">Compressed bytes; disposed at the end.</param>
    /// <param name="sizeLimit">Most inflated bytes; 0 for no limit.</param>
    public void Open(Stream gzip, long sizeLimit)
    {
        Dispose();
        inflated = new GZipStream(gzip, CompressionMode.Decompress);
        limit = sizeLimit;
        start = lines = filled = awaited = 0;
        ended = false;
        BytesRead = 0;
        Error = ReadError.None;
        ErrorMessage = "";
        state.Reset();
    }

    /// <summary>Lets go of the body; the reader can open another one.</summary>
    public void Dispose()
    {
        inflated?.Dispose();
        inflated = null;
        Objection = null;
        if (window.Length <= WindowSize)
            return;
        window = Sample.Window = new byte[WindowSize];
        Garbage.Collect();
    }

    /// <summary>The next sample, in <see cref="Sample"/>. False at the end of the body or at an error.</summary>
    public bool Read()
    {
        while (Error == ReadError.None && Fill())
        {
            var parser = new TextParser(window.AsSpan(0, lines), start, isUtf8, state);
            var entry = parser.Read(Sample);
            start = parser.Consumed;
            switch (entry)
            {
                case Entry.Sample:
                    return true;
                case Entry.Error:
                    return Fail(ReadError.Parse, parser.Error!);
                case Entry.Incomplete when ended:
                    return Fail(ReadError.Parse, $"line {state.Line + 1}: a double quote is opened and never closed");
                case Entry.Incomplete:
                    // The rest of the entry is not inflated yet. Twice as much is awaited before the next try, so that hostile
                    // input costs no more than a constant factor.
                    awaited = 2 * (filled - start);
                    lines = start;
                    break;
                default:
                    break;
            }
        }
        return false;
    }

    /// <summary>Makes sure that there is at least one whole line to parse; false at the end of the body.</summary>
    private bool Fill()
    {
        if (start < lines)
            return true;
        while (!ended && MakeRoom())
        {
            int read;
            try
            {
                read = inflated!.Read(window, filled, window.Length - filled - 1);
            }
            catch (InvalidDataException)
            {
                return Fail(ReadError.Compression, "the gzip data is damaged or ends early");
            }
            BytesRead += read;
            if (limit > 0 && BytesRead >= limit)
                return Fail(ReadError.TooLarge, $"the body reaches SIDECAR_BODY_SIZE_LIMIT ({limit} bytes uncompressed)");
            Pause?.Invoke();
            if (Objection?.Invoke() is { } objection)
                return Fail(ReadError.TooSlow, objection);
            filled += read;
            if (read == 0)
            {
                ended = true;
                if (filled == start)
                    return false;
                window[filled++] = (byte)'\n'; // the last line may lack its end
                lines = filled;
            }
            else
            {
                var last = window.AsSpan(start, filled - start).LastIndexOf((byte)'\n');
                if (last < 0 || filled - start < awaited)
                    continue;
                lines = start + last + 1;
            }
            awaited = 0;
            Sample.Window = window;
            isUtf8 = Utf8.IsValid(window.AsSpan(start, lines - start));
            return true;
        }
        return false;
    }

    /// <summary>Moves what is left to the front of the window, and doubles the window where that fills it.</summary>
    private bool MakeRoom()
    {
        if (start > 0)
        {
            window.AsSpan(start, filled - start).CopyTo(window);
            filled -= start;
            lines -= start;
            start = 0;
        }
        if (filled < window.Length - 1)
            return true;
        if (window.Length >= LongestLine)
            return Fail(ReadError.Parse, $"line {state.Line + 1} is longer than {LongestLine} bytes");
        Array.Resize(ref window, window.Length * 2);
        return true;
    }

    private bool Fail(ReadError error, string message)
    {
        Error = error;
        ErrorMessage = message;
        return false;
    }
}
