using System.IO.Compression;
using Sidecar.Memory;

namespace Sidecar.Exposition;

/// <summary>The inflated part of a body that is being read. It grows only for what does not fit, and shrinks back.</summary>
/// <param name="isSliceOver">See <see cref="SampleReader"/>.</param>
internal sealed class BodyWindow(Func<bool>? isSliceOver) : IDisposable
{
    public const int UsualSize = 64 * 1024;

    /// <summary>The longest line or metric, bytes: a bound on memory. A Kubernetes object's annotations take up to 256 KiB.</summary>
    public const int Largest = 1024 * 1024;

    /// <summary>By default .NET takes truncated gzip for the end of the data, and half a scrape would pass for a whole one.</summary>
    static BodyWindow() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    private Stream? inflated;
    private long limit;
    private long pausedAt; // BytesRead when the slice was looked at last

    public bool IsPaused { get; private set; }
    public Func<string?>? Interrupt { get; set; }
    public byte[] Bytes { get; private set; } = new byte[UsualSize];

    /// <summary>Of what is not yet used up.</summary>
    public int Start { get; set; }

    public int Filled { get; private set; }
    public bool IsEnded { get; private set; }
    public long BytesRead { get; private set; }
    public ReadError Error { get; private set; }
    public string ErrorMessage { get; private set; } = "";

    public void Open(Stream gzip, long sizeLimit)
    {
        Dispose();
        inflated = new GZipStream(gzip, CompressionMode.Decompress);
        limit = sizeLimit;
        Start = Filled = 0;
        IsEnded = false;
        BytesRead = pausedAt = 0;
        IsPaused = false;
        Error = ReadError.None;
        ErrorMessage = "";
    }

    public void Dispose()
    {
        inflated?.Dispose();
        inflated = null;
        Interrupt = null;
        if (Bytes.Length <= UsualSize)
            return;
        Bytes = new byte[UsualSize];
        Garbage.Collect();
    }

    /// <summary>Inflates more behind what is there, and moves what is there to the front. False at the end and at an error.</summary>
    /// <param name="tooLong">What to say when it is longer than <see cref="Largest"/>.</param>
    public bool TryFill(Func<string> tooLong)
    {
        if (IsEnded || Error != ReadError.None)
            return false;
        if (Start > 0)
        {
            Bytes.AsSpan(Start, Filled - Start).CopyTo(Bytes);
            Filled -= Start;
            Start = 0;
        }
        if (Filled >= Bytes.Length - 1)
        {
            if (Bytes.Length >= Largest)
                return Fail(ReadError.Parse, tooLong());
            var larger = new byte[Bytes.Length * 2];
            Bytes.AsSpan(0, Filled).CopyTo(larger);
            Bytes = larger;
        }
        int read;
        try
        {
            read = inflated!.Read(Bytes, Filled, Bytes.Length - Filled - 1);
        }
        catch (InvalidDataException)
        {
            return Fail(ReadError.Compression, "the gzip data is damaged or ends early");
        }
        BytesRead += read;
        if (limit > 0 && BytesRead >= limit)
            return Fail(ReadError.TooLarge, $"the body reaches SIDECAR_BODY_SIZE_LIMIT ({limit} bytes uncompressed)");
        if (Interrupt?.Invoke() is { } error)
            return Fail(ReadError.TooSlow, error);
        Filled += read;
        IsEnded = read == 0;
        return !IsEnded;
    }

    /// <summary>Called where reading can be resumed; true when the pass's slice is over. Checked only after more was inflated.</summary>
    public bool Pause()
    {
        if (isSliceOver is null || BytesRead == pausedAt)
            return IsPaused = false;
        pausedAt = BytesRead;
        return IsPaused = isSliceOver();
    }

    /// <summary>Puts a line break behind the last byte, for which there is always room.</summary>
    public void EndLine() => Bytes[Filled++] = (byte)'\n';

    public bool Fail(ReadError error, string message)
    {
        Error = error;
        ErrorMessage = message;
        return false;
    }
}
