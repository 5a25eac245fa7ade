using System.Runtime.InteropServices;

namespace Sidecar.Telemetry;

/// <summary>
/// Standard error for the log. When its reader hangs, one line is waited for briefly, then lines are dropped and counted, so that no logger
/// hangs, often under a lock.
/// </summary>
/// <param name="error">Where the lines go.</param>
/// <param name="hasRoom">Whether a write would not block, asked with the milliseconds that it may take to become so.</param>
internal sealed partial class StandardError(TextWriter error, Func<int, bool> hasRoom) : TextWriter
{
    /// <summary>A reader that is merely busy gets so long, milliseconds.</summary>
    private const int Patience = 250;

    private const short PollOut = 4;

    private long dropped; // since the last line that was written

    public StandardError() : this(Console.Error, static milliseconds => HasRoom(milliseconds))
    {
    }

    /// <summary>Told how many lines were dropped, once one was written again.</summary>
    public event Action<long>? LinesDropped;

    public override Encoding Encoding => error.Encoding;

    /// <summary>A whole line. The caller sees to it that there is one at a time.</summary>
    public override void Write(string? value)
    {
        if (!hasRoom(dropped == 0 ? Patience : 0))
        {
            dropped++;
            return;
        }
        error.Write(value);
        error.Flush();
        if (dropped == 0)
            return;
        var lines = dropped;
        dropped = 0;
        LinesDropped?.Invoke(lines);
    }

    private static bool HasRoom(int milliseconds)
    {
        if (OperatingSystem.IsWindows())
            return true;
        var error = new PollDescriptor { Descriptor = 2, Events = PollOut };
        return poll(ref error, 1, milliseconds) != 0; // an error of poll or of the other side is write's to tell
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct PollDescriptor
    {
        public int Descriptor;
        public short Events;
        public short ReturnedEvents;
    }

    [LibraryImport("libc")]
    private static partial int poll(ref PollDescriptor descriptors, nuint count, int milliseconds);
}
