namespace Sidecar.Serving;

/// <summary>The bounds of the listener, so that no client can make it cost more than this.</summary>
internal sealed record HttpLimits
{
    public int Connections { get; init; } = 64;
    public int HeadSize { get; init; } = 8192;

    /// <summary>From the first byte of a request to the last of its head.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Taking the answer.</summary>
    public TimeSpan AnswerTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between requests; longer than a usual scrape interval, so that a scraper keeps its connection.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(90);

    public TimeSpan LingerTimeout { get; init; } = TimeSpan.FromSeconds(1);
}
