using Sidecar.Configuration;
using Sidecar.Queueing;

namespace Sidecar.Commands;

/// <summary>Whether the queue directory can be used, and how long an outage of the receiver fits into the queue.</summary>
/// <param name="bytesPerSecond">Compressed, as just scraped; 0 where nothing was.</param>
internal sealed class QueueCheck(QueueOptions queue, double bytesPerSecond, TimeProvider time)
{
    private const string Name = "queue";

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(10);

    public async Task<CheckStep> RunAsync(CancellationToken cancellation)
    {
        if (queue.Directory is not { } directory)
            return new(Name, CheckStatus.Ok,
                $"in memory, {Room()}; a restart loses what waits, unless {Variables.QueueDirectory.Name} is set");
        try
        {
            // A disk that hangs keeps a thread, and not the check.
            var free = await Task.Run(() => Try(directory), cancellation).WaitAsync(Timeout, time, cancellation);
            if (free >= queue.SizeLimit)
                return new(Name, CheckStatus.Ok, $"{directory} can be written, {Room()}");
            return new(Name, CheckStatus.Warning, $"{directory} has {Sizes.Format(free >> 20 << 20)} to fill, and {Room()}",
                new($"the volume is smaller than {Variables.QueueSizeLimit.Name}; when it is full, scrapes wait in memory",
                    $"make the volume larger, or lower {Variables.QueueSizeLimit.Name}"));
        }
        catch (Exception e) when (e is TimeoutException || FileErrors.IsExpected(e))
        {
            return new(Name, CheckStatus.Failed, $"{Variables.QueueDirectory.Name}={directory} cannot be used", new(
                e is TimeoutException ? $"a call to it does not come back within {Durations.Format(Timeout)}: its disk hangs"
                    : FileErrors.Words(e),
                FileErrors.Number(e) == FileErrors.Exists ? $"let {Variables.QueueDirectory.Name} name a folder, or one that can be made"
                    : "mount a volume there that the sidecar's user may write (fsGroup: 65532, or chown), and look at its space and health"));
        }
    }

    private string Room()
    {
        var limit = Sizes.Format(queue.SizeLimit);
        if (bytesPerSecond == 0)
            return $"up to {limit}";
        var outage = TimeSpan.FromSeconds(Math.Min(queue.SizeLimit / bytesPerSecond, TimeSpan.FromDays(365).TotalSeconds));
        if (queue.AgeLimit > TimeSpan.Zero && queue.AgeLimit < outage)
            outage = queue.AgeLimit;
        return $"up to {limit}: about {TokenCheck.Ago(outage)} of outage fit";
    }

    /// <summary>Writes and removes a file as the queue does, without its lock: a sidecar that starts meanwhile must get that.</summary>
    /// <returns>Bytes that are free there or hold scrapes already.</returns>
    private static long Try(string directory)
    {
        var calls = new FolderCalls();
        var isNew = !Directory.Exists(directory);
        calls.MakeFolder(directory);
        var file = Path.Combine(directory, $"check-{Environment.ProcessId}.new");
        try
        {
            using (var stream = calls.Create(file))
            {
                stream.Write("sidecar check"u8);
                calls.Flush(stream, file);
            }
            calls.FlushFolder(directory);
            var used = 0L;
            foreach (var one in new DirectoryInfo(directory).EnumerateFiles())
                used += one.Length;
            return used + new DriveInfo(directory).AvailableFreeSpace;
        }
        finally
        {
            if (calls.Exists(file))
                calls.Remove(file);
            if (isNew)
                Directory.Delete(directory);
        }
    }
}
