using System.Globalization;
using System.Text.RegularExpressions;
using Cluster;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>All hostile targets at once, beside one good target: it has no gap, and the process neither ends nor grows.</summary>
public sealed partial class HostileTargetTests(PublishedBinary binary)
{
    private const int Interval = 5;

    /// <summary>Of the manifest, and of the issue: 64 MiB.</summary>
    private const long MostMemory = 64 * 1024;

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task All_at_once_leave_a_good_target_without_a_gap_and_the_process_small()
    {
        await using var receiver = new Receiver();
        await receiver.StartAsync();
        using var authority = new CertificateAuthority();
        var folder = Directory.CreateTempSubdirectory("sidecar-hostile").FullName;
        var (ca, token) = (Path.Combine(folder, "ca.crt"), Path.Combine(folder, "token"));
        await File.WriteAllTextAsync(ca, authority.Pem, TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(token, "token-of-the-good", TestContext.Current.CancellationToken);

        await using var good = new HostileTarget(async r =>
        {
            await r.OkAsync();
            await r.SendAsync(string.Concat(Enumerable.Range(0, 5000).Select(i => $"good{{n=\"{i}\"}} {r.Scrape}\n")));
        });
        await using var elsewhere = new HostileTarget(r => r.SendAsync("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").AsTask());
        var hostile = HostileBehaviour.All.Select(b => (Behaviour: b, Target: new HostileTarget(b.Answer))).ToList();
        hostile.Add((new("redirects to another host", null!, "forbidden"),
            new HostileTarget(r => r.SendAsync($"HTTP/1.1 302 Found\r\nLocation: {elsewhere.Url}\r\nContent-Length: 0\r\n\r\n").AsTask())));
        hostile.Add((new("redirects to plain HTTP", null!, "redirect"),
            new HostileTarget(r => r.SendAsync($"HTTP/1.1 302 Found\r\nLocation: {elsewhere.Url}\r\nContent-Length: 0\r\n\r\n").AsTask(),
                authority.Issue("127.0.0.1"))));
        hostile.Add((new("redirects with a password", null!, "forbidden"), new HostileTarget(r => r.SendAsync(
            $"HTTP/1.1 302 Found\r\nLocation: http://user:hush@127.0.0.1:{elsewhere.Port}/\r\nContent-Length: 0\r\n\r\n").AsTask())));

        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = string.Join(',', hostile.Select(h => h.Target.Url).Prepend(good.Url)),
            ["SIDECAR_REMOTE_WRITE_URL"] = receiver.WriteUrl.ToString(),
            ["SIDECAR_SCRAPE_INTERVAL"] = $"{Interval}s",
            ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = token,
            ["SIDECAR_TLS_CA_FILE"] = ca,
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        });
        var page = new Uri(await sidecar.ListenAddressAsync(), "metrics");

        string Series(string name, HostileTarget target) => $"{name}{{instance=\"127.0.0.1:{target.Port}\",job=\"apiserver\"}}";
        // Five scrapes of each: what leaks, leaks again.
        foreach (var target in hostile.Select(h => h.Target).Prepend(good))
        {
            await Eventually.TrueAsync(() => receiver.SamplesOf(Series("up", target)).Count >= 5 || sidecar.HasExited,
                () => $"{target.Url} is not scraped ({receiver.SamplesOf(Series("up", target)).Count} times):\n{string.Join('\n', sidecar.Log)}");
            Assert.False(sidecar.HasExited, $"the process ended:\n{string.Join('\n', sidecar.Log)}");
        }
        using var http = new HttpClient();
        var metrics = await http.GetStringAsync(page, TestContext.Current.CancellationToken);
        var peak = PeakMemory(sidecar.Id);
        TestContext.Current.TestOutputHelper?.WriteLine($"peak memory {peak} KiB with {hostile.Count} hostile targets");
        Assert.Equal(0, await sidecar.StopAsync());
        Assert.Empty(receiver.Violations);

        foreach (var (behaviour, target) in hostile)
        {
            var line = sidecar.Log.FirstOrDefault(l => l.Contains("Scrape failed") && l.Contains($":{target.Port}/"));
            Assert.True(line is not null, $"{behaviour.Name}: no line in the log");
            var reason = ReasonPattern().Match(line).Groups[1].Value;
            Assert.True(behaviour.Reasons.Contains(reason), $"{behaviour.Name}: {line}");
            Assert.True(line.Length < 2000, $"{behaviour.Name}: a line of {line.Length} characters");
            Assert.Matches($"sidecar_scrape_failures_total{{reason=\"{reason}\"}} [1-9]", metrics);
            var up = receiver.SamplesOf(Series("up", target)).Select(s => s.Value).ToList();
            var isGoodOnce = behaviour.Name == "hangs after the first scrape";
            Assert.True(up.Skip(isGoodOnce ? 1 : 0).All(v => v == 0), $"{behaviour.Name}: up is {string.Join(' ', up)}");
        }
        Assert.Contains("sidecar_scrape_failures_total{reason=\"internal\"} 0", metrics);
        Assert.DoesNotContain(elsewhere.Heads, h => h.Contains("Authorization", StringComparison.OrdinalIgnoreCase));
        Assert.All(hostile, h => Assert.All(h.Target.Heads, head => Assert.Contains("Bearer token-of-the-good", head)));
        Assert.All(sidecar.Log, l => Assert.DoesNotContain("token-of-the-good", l));
        Assert.All(sidecar.Log, l => Assert.DoesNotContain("hush", l));

        var ups = receiver.SamplesOf(Series("up", good));
        Assert.All(ups, s => Assert.Equal(1, s.Value));
        foreach (var (before, after) in ups.Zip(ups.Skip(1)))
            Assert.InRange(after.Timestamp - before.Timestamp, 1, Interval * 1000 * 10);
        // All in all at its pace: a busy machine may leave out a scrape.
        Assert.InRange((ups[^1].Timestamp - ups[0].Timestamp) / (ups.Count - 1), 1, Interval * 1000 * 3 / 2);
        Assert.InRange(peak, 1, MostMemory);

        foreach (var (_, target) in hostile)
            await target.DisposeAsync();
        Directory.Delete(folder, recursive: true);
    }

    private static long PeakMemory(int process)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "VmHWM is Linux's");
        var line = File.ReadLines($"/proc/{process}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    [GeneratedRegex("reason=([a-z_]+)")]
    private static partial Regex ReasonPattern();
}
