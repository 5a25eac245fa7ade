namespace Cluster.Campaigns;

/// <summary>What the sidecar logs and what is done to it, in the order of time; all of it in a file where one is named.</summary>
public sealed class CampaignLog(string? file) : IDisposable
{
    private const int Most = 400;

    private readonly StreamWriter? to = file is null ? null : new StreamWriter(file) { AutoFlush = true };
    private readonly Queue<string> tail = [];

    public void Write(string line)
    {
        lock (tail)
        {
            var stamped = line.StartsWith("---", StringComparison.Ordinal) ? $"{DateTime.UtcNow:HH:mm:ss.fff} {line}" : line;
            to?.WriteLine(stamped);
            tail.Enqueue(stamped);
            if (tail.Count > Most)
                tail.Dequeue();
        }
    }

    public string[] Tail(int lines)
    {
        lock (tail)
            return [.. tail.TakeLast(lines)];
    }

    public void Dispose() => to?.Dispose();
}
