using System.Diagnostics;
using System.Text.Json;

namespace Cluster;

/// <summary>The sidecar's log as it comes: held back until somebody follows it.</summary>
internal sealed class DemoLog
{
    private readonly Lock gate = new();
    private readonly List<string> early = [];
    private readonly TaskCompletionSource<Uri?> address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task reading;
    private Action<string>? follower;

    public DemoLog(Process sidecar) => reading = ReadAsync(sidecar);

    /// <summary>Lines that nobody was told of yet.</summary>
    public IReadOnlyList<string> Early
    {
        get
        {
            lock (gate)
                return [.. early];
        }
    }

    /// <summary>Where its pages are, from its first line; null when it ended without one.</summary>
    public Task<Uri?> ListenAddressAsync() => address.Task;

    public void Follow(Action<string> tell)
    {
        lock (gate)
        {
            follower = tell;
            // The first line repeats the variables.
            foreach (var line in early.Skip(1))
                tell(line);
            early.Clear();
        }
    }

    public Task EndAsync() => reading;

    private async Task ReadAsync(Process sidecar)
    {
        while (await sidecar.StandardError.ReadLineAsync() is { } line)
        {
            lock (gate)
            {
                if (follower is not null)
                    follower(line);
                else
                    early.Add(line);
            }
            if (!address.Task.IsCompleted && Listen(line) is { } found)
                address.TrySetResult(found);
        }
        address.TrySetResult(null);
    }

    private static Uri? Listen(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            return json.RootElement.TryGetProperty("listen", out var listen) ? new Uri($"http://{listen}/") : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
