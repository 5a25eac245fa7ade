namespace Sidecar.Queueing;

/// <summary>A file of the queue directory that holds a scrape.</summary>
internal sealed record StoredFile(string Path, long Size);
