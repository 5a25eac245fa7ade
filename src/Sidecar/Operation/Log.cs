using Sidecar.Configuration;

namespace Sidecar.Operation;

/// <summary>Log lines for operators on one stream, in logfmt or JSON.</summary>
internal sealed class Log(TextWriter output, LogLevel level, LogFormat format, TimeProvider time)
{
    /// <summary>Writes one line: time, level, message, then the fields in their order. Null values are left out.</summary>
    public void Write(LogLevel lineLevel, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        if (lineLevel < level)
            return;
        _ = format;
        lock (output)
        {
            output.Write($"ts={time.GetUtcNow():O} level={lineLevel} msg=\"{message}\"");
            foreach (var (key, value) in fields)
                output.Write($" {key}={value}");
            output.WriteLine();
        }
    }

    public void Debug(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Debug, message, fields);

    public void Info(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Info, message, fields);

    public void Warn(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Warn, message, fields);

    public void Error(string message, params ReadOnlySpan<(string Key, object? Value)> fields) => Write(LogLevel.Error, message, fields);

    /// <summary>
    /// A failure that recurs: written the first time for <paramref name="key"/>, then at most once a minute with the number of
    /// times it happened since (<c>repeated=37</c>).
    /// </summary>
    public void Recurring(LogLevel lineLevel, string key, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        _ = key;
        Write(lineLevel, message, fields);
    }

    /// <summary>The failure behind <paramref name="key"/> is over: writes one info line if it had been reported, and forgets it.</summary>
    public void Recovered(string key, string message, params ReadOnlySpan<(string Key, object? Value)> fields)
    {
        _ = key;
        Write(LogLevel.Info, message, fields);
    }
}
