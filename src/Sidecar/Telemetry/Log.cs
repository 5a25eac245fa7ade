using System.Buffers;

namespace Sidecar.Telemetry;

/// <summary>Log lines for operators on one stream, in logfmt or JSON. Safe to call from any thread; never throws.</summary>
internal sealed class Log(TextWriter output, LogLevel level, LogFormat format, TimeProvider time)
{
    /// <summary>How many failures are told apart; those beyond share a count, so that neither memory nor the log is flooded.</summary>
    private const int MaxKeys = 256;

    /// <summary>Causes of one failure that are told apart; those beyond count as the last one.</summary>
    private const int MaxCauses = 16;

    private const string SharedKey = "";

    private static readonly TimeSpan QuietTime = TimeSpan.FromMinutes(1);

    /// <summary>A failure not seen for so long may be forgotten to make room: its target is gone.</summary>
    private static readonly TimeSpan ForgetAfter = TimeSpan.FromMinutes(10);

    private readonly Lock gate = new();
    private readonly Dictionary<string, Episode> episodes = [];
    private readonly ArrayBufferWriter<byte> line = new(512);

    private Log? all;
    private string? job;

    /// <summary>The same log for one of several jobs, which each line names.</summary>
    public Log OfJob(string name) => name.Length == 0 ? this : new(output, level, format, time) { all = this, job = name };

    /// <summary>One failure from its first line to its recovery.</summary>
    private sealed class Episode
    {
        public DateTimeOffset Began;
        public DateTimeOffset LastSeen;
        public long Count;
        public readonly List<Cause> Causes = [];
    }

    /// <summary>One of the causes of a failure that goes on.</summary>
    private sealed class Cause(string words)
    {
        public readonly string Words = words;
        public DateTimeOffset? LastWritten;
        public long CountSinceWritten;
    }

    /// <summary>Writes one line: time, level, message, then the fields in their order. Null values are left out.</summary>
    public void Write(LogLevel lineLevel, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (lineLevel < level)
            return;
        if (all is not null)
        {
            all.Write(lineLevel, message, [("job", job), .. fields]);
            return;
        }
        try
        {
            lock (gate)
            {
                line.ResetWrittenCount();
                if (format == LogFormat.Json)
                    LogLine.WriteJson(line, time.GetUtcNow(), lineLevel, message, fields);
                else
                    LogLine.WriteLogfmt(line, time.GetUtcNow(), lineLevel, message, fields);
                // One call a line: standard error flushes at each, and lines of other processes must not come in between.
                output.Write(Encoding.UTF8.GetString(line.WrittenSpan));
                output.Flush();
            }
        }
        catch (Exception)
        {
            // Standard error closed or full: there is nowhere left to say so, and a log line must not stop the work.
        }
    }

    public void Debug(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Debug, message, fields);

    public void Info(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Info, message, fields);

    public void Warn(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Warn, message, fields);

    public void Error(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Error, message, fields);

    /// <summary>A recurring failure: logged at first, then at most once a minute with its count since (<c>repeated=37</c>).</summary>
    public void Recurring(LogLevel lineLevel, string key, string message, params ReadOnlySpan<(string Key, object? Value)> fields) =>
        Recurring(lineLevel, key, message, message, fields);

    /// <summary>The same, where one message tells of several causes: each is written the first time.</summary>
    public void Recurring(
        LogLevel lineLevel, string key, string cause, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (lineLevel < level)
            return;
        if (all is not null)
        {
            all.Recurring(lineLevel, $"{job} {key}", message, [("job", job), .. fields]);
            return;
        }
        long repeated;
        lock (gate)
        {
            var now = time.GetUtcNow();
            var episode = FindOrAdd(key, now);
            episode.LastSeen = now;
            episode.Count++;
            var one = CauseOf(episode, cause);
            one.CountSinceWritten++;
            if (now - one.LastWritten < QuietTime)
                return;
            repeated = one.LastWritten is null ? 0 : one.CountSinceWritten;
            one.LastWritten = now;
            one.CountSinceWritten = 0;
        }
        if (repeated > 0)
            Write(lineLevel, message, [.. fields, ("repeated", repeated)]);
        else
            Write(lineLevel, message, fields);
    }

    /// <summary>The failure of <paramref name="key"/> is over: if told, logs how long and often (<c>lasted=1m30s failures=6</c>).</summary>
    public void Recovered(string key, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (all is not null)
        {
            all.Recovered($"{job} {key}", message, [("job", job), .. fields]);
            return;
        }
        Episode? episode;
        TimeSpan lasted;
        lock (gate)
        {
            if (!episodes.Remove(key, out episode))
                return;
            lasted = time.GetUtcNow() - episode.Began;
        }
        Write(LogLevel.Info, message, [.. fields, ("lasted", lasted), ("failures", episode.Count)]);
    }

    private static Cause CauseOf(Episode episode, string words)
    {
        foreach (var cause in episode.Causes)
        {
            if (cause.Words == words)
                return cause;
        }
        if (episode.Causes.Count < MaxCauses)
            episode.Causes.Add(new Cause(words));
        return episode.Causes[^1];
    }

    private Episode FindOrAdd(string key, DateTimeOffset now)
    {
        if (episodes.TryGetValue(key, out var episode))
            return episode;
        if (episodes.Count >= MaxKeys)
        {
            foreach (var (oldKey, old) in episodes)
            {
                if (now - old.LastSeen > ForgetAfter)
                    episodes.Remove(oldKey);
            }
        }
        if (episodes.Count >= MaxKeys && key != SharedKey)
            return FindOrAdd(SharedKey, now);
        return episodes[key] = new Episode { Began = now };
    }
}
