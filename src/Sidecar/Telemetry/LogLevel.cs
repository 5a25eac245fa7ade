namespace Sidecar.Telemetry;

/// <summary>How much the log says.</summary>
internal enum LogLevel
{
    Debug,
    Info,
    Warn,
    Error,
}

/// <summary>What a line of the log is written in.</summary>
internal enum LogFormat
{
    Logfmt,
    Json,
}
