using System.Net;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>The published binary's page in a real Chromium. Screenshots go to the output folder.</summary>
public sealed class PageTests(PublishedBinary binary)
{
    private static readonly string Pictures = Path.Combine(AppContext.BaseDirectory, "screenshots");

    [Fact]
    public async Task It_shows_a_failing_target_as_failing_and_a_refusing_receiver_as_refusing()
    {
        Assert.SkipWhen(Browser.Executable is null, "chromium is not installed (Debian's package chromium)");
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        run.ApiServer.Metrics.Serve("a 1\n");
        var failing = run.Cluster.ApiServers[1];
        failing.Metrics.Serve("a 1\n");
        failing.Metrics.Status = HttpStatusCode.InternalServerError;
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.ValueAsync("up", 0, server: failing);
        var address = await run.Sidecar.ListenAddressAsync();

        await using var browser = await Browser.StartAsync();
        await browser.ShowAsync(1280, 800, isDark: false);
        await browser.GoAsync(address);
        await browser.ScreenshotAsync(Path.Combine(Pictures, "published-desktop.png"));
        Assert.Equal("1 of 2 targets fails.", await browser.TextAsync("[role=status]"));
        Assert.Equal("Fails", await browser.TextAsync("#targets tbody tr:first-child b"));
        var row = await browser.TextAsync("#targets tbody tr:first-child");
        Assert.Contains($"https://127.0.0.1:{failing.Port}/metrics", row);
        Assert.Contains("500", row);
        Assert.Equal("Up", await browser.TextAsync("#targets tbody tr:last-child b"));
        Assert.Contains("Accepts", await browser.TextAsync(".flow section:last-child"));
        Assert.Contains("SIDECAR_REMOTE_WRITE_URL", await browser.TextAsync("#configuration"));

        run.Receiver.Answer = _ => new ReceiverAnswer(503, "<b>closed</b>");
        await run.Sidecar.WaitForLogAsync("Sending failed");
        await browser.ShowAsync(360, 740, isDark: true);
        await browser.GoAsync(new Uri(address, "targets"));
        await browser.ScreenshotAsync(Path.Combine(Pictures, "published-phone-dark.png"));
        Assert.Contains("<b>closed</b>", await browser.TextAsync(".flow section:last-child .error"));
        Assert.Equal(360, (int)(await browser.EvaluateAsync("document.documentElement.scrollWidth"))!);
        Assert.Empty(browser.Complaints);

        run.Receiver.Answer = _ => new ReceiverAnswer();
        await run.StopAsync();
    }

    [Fact]
    public async Task It_forbids_all_that_it_does_not_bring_and_is_not_kept()
    {
        await using var run = await StandInFixture.CreateAsync();
        run.ApiServer.Metrics.Serve("a 1\n");
        run.Start(binary);
        using var http = new HttpClient();
        using var answer = await http.GetAsync(await run.Sidecar.ListenAddressAsync());
        Assert.InRange((await answer.Content.ReadAsByteArrayAsync()).Length, 1000, 30_000);
        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.StartsWith("default-src 'none';", policy);
        Assert.DoesNotContain("script-src", policy);
        Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
        Assert.Equal("text/html; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        await run.StopAsync();
    }
}
