using Sidecar.Records;

namespace Sidecar.Queueing;

/// <summary>What waits in the folder, oldest first, and the last good scrapes of targets.</summary>
internal sealed class FolderList
{
    public List<ListedScrape> Waiting { get; } = [];
    public List<ListedScrape> Last { get; } = [];
}

/// <summary>A file whose header was read.</summary>
internal sealed record ListedScrape(ScrapeHeader Header, StoredFile File);

/// <summary>What reading a file came to.</summary>
/// <param name="Scrape">Null when that failed; the caller releases it.</param>
/// <param name="IsLost">Trying again is of no use.</param>
internal readonly record struct LoadedScrape(Scrape? Scrape, bool IsLost);
