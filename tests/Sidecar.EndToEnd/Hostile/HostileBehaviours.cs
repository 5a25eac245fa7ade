using System.Text;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>What a target may do to whoever scrapes it.</summary>
/// <param name="Reasons">Label values of <c>sidecar_scrape_failures_total</c>, one of which each scrape must end with.</param>
public sealed record HostileBehaviour(string Name, Func<HostileRequest, Task> Answer, params string[] Reasons)
{
    private static readonly byte[] Text = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("endless 1\n", 6000)));

    /// <summary>By name; those that need a second server are made by the test.</summary>
    public static IReadOnlyList<HostileBehaviour> All { get; } =
    [
        // Bodies without end
        new("endless text", async r => { await r.OkAsync(); await r.ForeverAsync(Text); }, "body_size_limit", "timeout"),
        new("endless random bytes", async r => { await r.OkAsync(); await r.ForeverAsync(Random(1 << 16)); }, "body_size_limit", "timeout"),
        new("a byte every half second",
        async r => { await r.OkAsync(); await r.ForeverAsync("#"u8.ToArray(), TimeSpan.FromSeconds(0.5)); }, "timeout"),
        new("a head byte every half second", async r => await r.ForeverAsync("H"u8.ToArray(), TimeSpan.FromSeconds(0.5)), "timeout"),
        new("endless 100 Continue", async r => await r.ForeverAsync("HTTP/1.1 100 Continue\r\n\r\n"u8.ToArray()), "timeout", "connection"),
        new("endless head", async r =>
        {
            await r.SendAsync("HTTP/1.1 200 OK\r\n");
            await r.ForeverAsync(Encoding.ASCII.GetBytes($"X-Filler: {new string('x', 8000)}\r\n"));
        }, "connection"),
        new("an endless chunk size", async r => { await r.OkAsync("Transfer-Encoding: chunked"); await r.ForeverAsync("0"u8.ToArray()); },
        "connection", "truncated"),
        new("endless trailers", async r =>
        {
            await r.OkAsync("Transfer-Encoding: chunked");
            await r.SendAsync("4\r\na 1\n\r\n0\r\n");
            await r.ForeverAsync(Encoding.ASCII.GetBytes($"X-Filler: {new string('x', 8000)}\r\n"));
        }, "connection", "truncated"),
        new("an error without end", async r => { await r.SendAsync("HTTP/1.1 500 No\r\n\r\n"); await r.ForeverAsync(Text); },
        "http_status"),
        new("hangs after the first scrape", async r =>
        {
            await r.OkAsync();
            if (r.Scrape == 1)
                await r.SendAsync("once 1\n");
            else
                await Task.Delay(Timeout.Infinite, r.Cancellation);
        }, "timeout"),

        // Small bodies that are large
        Gzip("a bomb of line breaks", HostileBodies.Bomb("\n"), "body_size_limit", "timeout"),
        Gzip("a bomb of comments", HostileBodies.Bomb("# nothing\n"), "body_size_limit", "timeout"),
        Gzip("a bomb of one sample", HostileBodies.Bomb("one 1\n"), "body_size_limit", "timeout"),
        Gzip("a bomb of zeros", HostileBodies.Bomb("\0"), "parse"),
        Gzip("a line of 50 MB", HostileBodies.LongLine(50_000_000), "parse"),
        Gzip("200,000 labels", HostileBodies.ManyLabels(200_000), "parse"),
        Gzip("ever new label names", HostileBodies.NewNames(5_000), "parse"),

        // Damage
        Gzip("truncated gzip", HostileBodies.Gzip("a 1\nb 2\n")[..^6], "truncated"),
        Gzip("random gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, .. Random(50_000)], "truncated"),
        new("less than announced", async r => { await r.OkAsync("Content-Length: 100"); await r.SendAsync("a 1\n"); }, "truncated"),
        new("an unknown encoding", async r => { await r.OkAsync("Content-Encoding: br"); await r.SendAsync("a 1\n"); }, "content_encoding"),
        new("an encoding of 60 kB", async r => { await r.OkAsync($"Content-Encoding: {new string('z', 60_000)}"); await r.SendAsync(
        "a 1\n"); }, "content_encoding"),
        new("closes at once", _ => Task.CompletedTask, "connection"),
        new("random bytes", async r => await r.SendAsync(Random(20_000)), "connection"),
        new("a header with line breaks", async r =>
        await r.SendAsync("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n folded\rX: \0\r\n\r\na 1\n"), "content_type"),
        Plain("invalid UTF-8", [.. "a{b=\""u8, 0xff, 0xfe, .. "\"} 1\n"u8], "parse"),
        Plain("what ends Prometheus 3.5", "{A}0"u8.ToArray(), "parse"),
        Plain("a name of 3 MB twice", Encoding.ASCII.GetBytes(
        $"a{{{new string('n', 1_000_000)}=\"1\",{new string('n', 1_000_000)}=\"2\"}} 1\n"), "parse"),

        // Elsewhere
        new("redirects in a loop", async r =>
        await r.SendAsync("HTTP/1.1 302 Found\r\nLocation: /metrics\r\nContent-Length: 0\r\n\r\n"), "redirect"),
        new("redirects to a file", async r =>
        await r.SendAsync("HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"), "redirect"),
        new("redirects to nowhere", async r =>
        await r.SendAsync("HTTP/1.1 302 Found\r\nLocation: http://[::1\r\nContent-Length: 0\r\n\r\n"), "redirect"),
    ];

    private static HostileBehaviour Plain(string name, byte[] body, params string[] reasons) =>
        new(name, async r => { await r.OkAsync($"Content-Length: {body.Length}"); await r.SendAsync(body); }, reasons);

    private static HostileBehaviour Gzip(string name, byte[] body, params string[] reasons) =>
        new(name, async r => { await r.OkAsync("Content-Encoding: gzip", $"Content-Length: {body.Length}"); await r.SendAsync(body); },
        reasons);

    private static byte[] Random(int length)
    {
        var bytes = new byte[length];
        new Random(7).NextBytes(bytes);
        return bytes;
    }
}
