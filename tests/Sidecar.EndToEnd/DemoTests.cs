using System.Diagnostics;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.EndToEnd;

/// <summary>The README's demo, told in a shorter time and ended with Ctrl-C.</summary>
public sealed partial class DemoTests(PublishedBinary binary)
{
    private static readonly string Pictures = Path.Combine(AppContext.BaseDirectory, "screenshots");

    [Fact]
    public async Task With_a_control_plane_there_are_four_jobs_and_etcd_is_sent_no_token()
    {
        var start = new ProcessStartInfo("dotnet",
            [typeof(StandInCluster).Assembly.Location, "--binary", binary.Path, "--control-plane", "--duration", "8s"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var demo = Process.Start(start)!;
        var lines = new List<string>();
        await Task.WhenAll(ReadAsync(demo.StandardOutput, lines), ReadAsync(demo.StandardError, lines));
        await demo.WaitForExitAsync(TestContext.Current.CancellationToken);
        var text = string.Join('\n', lines);
        Assert.True(demo.ExitCode == 0, text);
        Assert.Contains("SIDECAR_JOBS=apiserver,kube-controller-manager,kube-scheduler,etcd", text);
        Assert.Contains("job etcd", text);
        Assert.Contains("was sent no token.", text);
        Assert.DoesNotContain("Beside them: 0 scrapes", text);
    }

    [Fact]
    public async Task It_tells_its_story_shows_it_on_two_pages_and_ends_cleanly()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(StandInCluster).Assembly.Location, "--binary", binary.Path, "--story", "30s"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var demo = Process.Start(start)!;
        var lines = new List<string>();
        var reading = Task.WhenAll(ReadAsync(demo.StandardOutput, lines), ReadAsync(demo.StandardError, lines));
        try
        {
            await SeenAsync("Caught up");
            if (Browser.Executable is not null)
                await LookAsync();
            await SeenAsync("That was all.");
            using (var kill = Process.Start("kill", ["-INT", $"{demo.Id}"]))
                await kill.WaitForExitAsync();
            using var patience = new CancellationTokenSource(Eventually.Patience);
            await demo.WaitForExitAsync(patience.Token);
            await reading;
        }
        finally
        {
            if (!demo.HasExited)
                demo.Kill(entireProcessTree: true);
        }

        var text = Text();
        Assert.True(demo.ExitCode == 0, text);
        var at = 0;
        foreach (var sentence in (string[])
        [
            "SIDECAR_REMOTE_WRITE_URL=", "Two API servers stand on", "Targets changed", "goes away", "The receiver has up=0 of it",
            "Kubernetes takes it out of the Service", "up itself has ended", "is back", "Discovered and scraped again.",
            "answers 503 to everything",
            "Sending failed", "The receiver accepts again.", "Caught up", "That was all.", "everything was sent", "exit code 0",
        ])
        {
            var found = text.IndexOf(sentence, at, StringComparison.Ordinal);
            Assert.True(found >= 0, $"'{sentence}' is missing after '{text[..at].Split('\n')[^1]}':\n{text}");
            at = found;
        }
        Assert.True(int.Parse(MarkersPattern().Match(text).Groups[1].Value.Replace(",", "")) > 10_000, text);
        Assert.True(int.Parse(LatePattern().Match(text).Groups[1].Value) > 0, text);
        Assert.Contains("; none is missing.", text);
        Assert.DoesNotContain("Against the specification", text);
        Assert.DoesNotContain('\e', text); // no terminal, no control sequences

        async Task LookAsync()
        {
            await using var browser = await Browser.StartAsync();
            await browser.ShowAsync(1180, 800, isDark: false);
            await browser.GoAsync(Address("sidecar"));
            await browser.ScreenshotAsync(Path.Combine(Pictures, "demo-sidecar.png"));
            Assert.EndsWith("Sidecar", (string?)await browser.EvaluateAsync("document.title"));
            await browser.GoAsync(Address("receiver"));
            await Eventually.TrueAsync(
                async () => (int)(await browser.EvaluateAsync("document.querySelectorAll('#targets .late').length"))! > 0,
                () => "no late scrape is shown");
            await browser.ScreenshotAsync(Path.Combine(Pictures, "demo-receiver.png"));
            foreach (var kind in (string[])["#arrivals .up", "#targets .up", "#targets .down", "#targets .ended",
                "#arrivals .outage", "#targets .outage"])
                Assert.True((int)(await browser.EvaluateAsync($"document.querySelectorAll('{kind}').length"))! > 0, $"no {kind}");
            Assert.Empty(browser.Complaints);
        }

        Uri Address(string page) => new(Regex.Match(Text(), $"the {page} +(http://\\S+)").Groups[1].Value);

        Task SeenAsync(string words) =>
            Eventually.TrueAsync(() => demo.HasExited || Text().Contains(words), () => $"no '{words}' in:\n{Text()}");

        string Text()
        {
            lock (lines)
                return string.Join('\n', lines);
        }
    }

    /// <summary>On a terminal; each key does its part at once, also while another one's waits for a receiver that is away.</summary>
    [Fact]
    public async Task Keys_are_obeyed_whatever_is_away()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/script"), "script is not installed (Debian's package bsdutils)");
        var command = $"stty cols 130; exec dotnet {typeof(StandInCluster).Assembly.Location} --binary {binary.Path} --story 600s";
        var start = new ProcessStartInfo("/usr/bin/script", ["-qec", command, "/dev/null"])
        {
            RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        };
        using var demo = Process.Start(start)!;
        var lines = new List<string>();
        var reading = Task.WhenAll(ReadAsync(demo.StandardOutput, lines), ReadAsync(demo.StandardError, lines));
        try
        {
            await PressAsync("", "2 of 2 up");
            await PressAsync("r", "answers 503 to everything");
            await PressAsync("a", "The receiver is away and hears of it later");
            await PressAsync("a", "is back, and in the Service");
            await PressAsync("r", "The receiver accepts again.");
            await PressAsync("rar", "Caught up");
            await PressAsync("ra", "is back, and in the Service");
            await PressAsync("q", "exit code 0");
            using var patience = new CancellationTokenSource(Eventually.Patience);
            await demo.WaitForExitAsync(patience.Token);
            await reading;
        }
        finally
        {
            if (!demo.HasExited)
                demo.Kill(entireProcessTree: true);
        }
        Assert.Equal(0, demo.ExitCode);

        async Task PressAsync(string keys, string words)
        {
            int before;
            lock (lines)
                before = lines.Count;
            await demo.StandardInput.WriteAsync(keys);
            await demo.StandardInput.FlushAsync();
            await Eventually.TrueAsync(() => Text(before).Contains(words) || (keys.Length == 0 && Text(0).Contains(words)),
                () => $"no '{words}' after '{keys}' in:\n{Text(0)}");
        }

        string Text(int from)
        {
            lock (lines)
                return string.Join('\n', lines.Skip(from));
        }
    }

    private static async Task ReadAsync(StreamReader reader, List<string> lines)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (lines)
                lines.Add(line);
        }
    }

    [GeneratedRegex("The receiver has up=0 of it, and ([0-9,]+) staleness markers")]
    private static partial Regex MarkersPattern();

    [GeneratedRegex("Caught up: ([0-9]+) scrapes came late")]
    private static partial Regex LatePattern();
}
