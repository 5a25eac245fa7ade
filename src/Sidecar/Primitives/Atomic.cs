namespace Sidecar.Primitives;

/// <summary>Adding to a double that other threads add to as well; Interlocked has it for integers only.</summary>
internal static class Atomic
{
    public static void Add(ref double location, double difference)
    {
        var seen = Volatile.Read(ref location);
        while (true)
        {
            var found = Interlocked.CompareExchange(ref location, seen + difference, seen);
            if (BitConverter.DoubleToInt64Bits(found) == BitConverter.DoubleToInt64Bits(seen))
                return;
            seen = found;
        }
    }
}
