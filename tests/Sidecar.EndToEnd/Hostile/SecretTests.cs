using System.Text;
using Cluster;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>Secrets of a run, each of its own: none of them comes out anywhere, not even where a peer sends it back.</summary>
public sealed class SecretTests(PublishedBinary binary)
{
    private const string ApiToken = "secret-of-the-api-server";
    private const string TargetToken = "secret-of-the-targets";
    private const string Password = "secret-of-the-receiver";
    private const string Key = "secret-of-the-header";

    [Theory]
    [InlineData("logfmt")]
    [InlineData("json")]
    public async Task None_comes_out_of_a_run_in_which_every_peer_sends_it_back(string format)
    {
        using var authority = new CertificateAuthority();
        using var certificate = authority.Issue("127.0.0.1");
        var folder = Directory.CreateTempSubdirectory("sidecar-secrets").FullName;
        string Write(string name, string text)
        {
            var file = Path.Combine(folder, name);
            File.WriteAllText(file, text);
            return file;
        }

        // What was sent comes back as an error, as a body that is no exposition, and as a header.
        await using var echoing = new HostileTarget(r => AnswerAsync(r, "500 Internal Server Error", r.Head), certificate);
        await using var nonsense = new HostileTarget(r => AnswerAsync(r, "200 OK", r.Head.ReplaceLineEndings(" ")), certificate);
        await using var typed = new HostileTarget(r => AnswerAsync(r, "200 OK", "a 1\n", Secret(r.Head)), certificate);
        await using var elsewhere = new HostileTarget(r => AnswerAsync(r, "200 OK", "a 1\n"), certificate);
        await using var redirecting = new HostileTarget(r => r.SendAsync(
            $"HTTP/1.1 307 Temporary Redirect\r\nLocation: {elsewhere.Url}?{Secret(r.Head)}\r\nContent-Length: 0\r\n\r\n").AsTask(),
            certificate);
        await using var apiServer = new HostileTarget(r =>
            AnswerAsync(r, "403 Forbidden", $$"""{"kind":"Status","message":"{{Secret(r.Head)}}"}"""), certificate);
        await using var refusing = new HostileTarget(r =>
            AnswerAsync(r, r.Scrape % 2 == 0 ? "400 Bad Request" : "503 Service Unavailable", r.Head));
        await using var moving = new HostileTarget(r => r.SendAsync(
            $"HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:{elsewhere.Port}/\r\nContent-Length: 0\r\n\r\n").AsTask());

        var environment = new Dictionary<string, string>
        {
            ["SIDECAR_KUBERNETES_API_SERVER"] = apiServer.Url.Replace("/metrics", "", StringComparison.Ordinal),
            ["SIDECAR_KUBERNETES_TOKEN_FILE"] = Write("api-token", ApiToken + "\n"),
            ["SIDECAR_KUBERNETES_CA_FILE"] = Write("ca.crt", authority.Pem),
            ["SIDECAR_KUBERNETES_REFRESH_INTERVAL"] = "500ms",
            ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = Write("token", TargetToken),
            ["SIDECAR_TLS_CA_FILE"] = Path.Combine(folder, "ca.crt"),
            ["SIDECAR_REMOTE_WRITE_URL"] = $"http://user:{Password}@127.0.0.1:{refusing.Port}/write",
            ["SIDECAR_REMOTE_WRITE_HEADERS"] = $"X-Api-Key={Key}",
            ["SIDECAR_SCRAPE_INTERVAL"] = "1s",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
            ["SIDECAR_LOG_LEVEL"] = "debug",
            ["SIDECAR_SHUTDOWN_TIMEOUT"] = "1s",
            ["SIDECAR_LOG_FORMAT"] = format,
        };
        var outputs = new List<string>();
        await using (var discovering = SidecarProcess.Start(binary, environment))
        {
            await discovering.WaitForLogAsync("Discovery failed");
            outputs.AddRange(await PagesAsync(discovering));
        }
        environment["SIDECAR_TARGETS"] = string.Join(',', new[] { echoing, nonsense, typed, redirecting }.Select(t => t.Url));
        await using (var scraping = SidecarProcess.Start(binary, environment))
        {
            foreach (var target in new[] { echoing, nonsense, typed })
                await scraping.WaitForLogAsync("Scrape failed", $":{target.Port}/");
            await scraping.WaitForLogAsync("Sending failed");
            await scraping.WaitForLogAsync("The receiver refuses a series");
            await Eventually.TrueAsync(() => elsewhere.Heads.Count > 0, () => "no redirect is followed");
            outputs.AddRange(await PagesAsync(scraping));
        }
        environment["SIDECAR_REMOTE_WRITE_URL"] = $"http://user:{Password}@127.0.0.1:{moving.Port}/write";
        environment["SIDECAR_REMOTE_WRITE_TLS_CA_FILE"] = Path.Combine(folder, "ca.crt");
        await using (var sending = SidecarProcess.Start(binary, environment))
        {
            await Eventually.TrueAsync(() => moving.Heads.Count > 0, () => "nothing is sent");
            outputs.AddRange(await PagesAsync(sending));
        }
        await using (var config = SidecarProcess.Start(binary, environment, "config"))
        {
            Assert.Equal(0, await config.WaitForExitAsync());
            outputs.AddRange([config.Output, .. config.Log]);
        }

        string[] secrets = [ApiToken, TargetToken, Password, Key, Convert.ToBase64String(Encoding.UTF8.GetBytes($"user:{Password}"))];
        Assert.All(outputs, output => Assert.All(secrets, secret => Assert.DoesNotContain(secret, output)));
        // They went where they belong, so that there was something to come out, and nowhere else.
        Assert.Contains(echoing.Heads, h => h.Contains($"Authorization: Bearer {TargetToken}"));
        Assert.Contains(apiServer.Heads, h => h.Contains($"Authorization: Bearer {ApiToken}"));
        Assert.Contains(refusing.Heads, h => h.Contains(secrets[^1]) && h.Contains($"X-Api-Key: {Key}"));
        Assert.Contains(outputs, o => o.Contains("<redacted>"));
        Assert.DoesNotContain(elsewhere.Heads, h => h.Contains("Authorization:") || h.Contains(Key));
        Directory.Delete(folder, recursive: true);
    }

    [Theory]
    [InlineData(70_000, "larger than 64 KiB")]
    [InlineData(0, "is empty")]
    [InlineData(-1, "control characters")]
    public async Task A_token_file_that_cannot_be_one_is_named_and_not_sent(int length, string words)
    {
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, length < 0
            ? "secret-of\u0001-control" : new string('s', length), TestContext.Current.CancellationToken);
        await using var target = new HostileTarget(r => AnswerAsync(r, "200 OK", "a 1\n"));
        await using var sidecar = SidecarProcess.Start(binary, new Dictionary<string, string>
        {
            ["SIDECAR_TARGETS"] = target.Url,
            ["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = file,
            ["SIDECAR_REMOTE_WRITE_URL"] = "http://127.0.0.1:9/",
            ["SIDECAR_LISTEN_ADDRESS"] = "127.0.0.1:0",
        });
        var line = await sidecar.WaitForLogAsync("Scrape failed", "reason=credentials");
        Assert.Contains(file, line);
        Assert.Contains(words, line);
        Assert.DoesNotContain("secret-of", line);
        Assert.Empty(target.Heads);
        File.Delete(file);
    }

    private static async Task<List<string>> PagesAsync(SidecarProcess sidecar)
    {
        var address = await sidecar.ListenAddressAsync();
        using var http = new HttpClient();
        var outputs = new List<string>();
        foreach (var page in new[] { "", "targets", "metrics", "api/v1/targets", "-/ready" })
        {
            using var answer = await http.GetAsync(new Uri(address, page), TestContext.Current.CancellationToken);
            outputs.Add(await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
        }
        await sidecar.StopAsync(System.Runtime.InteropServices.PosixSignal.SIGINT).WaitAsync(Eventually.Patience);
        return [.. outputs, sidecar.Output, .. sidecar.Log];
    }

    private static string Secret(string head) =>
        head.Split('\n').First(l => l.StartsWith("Authorization:", StringComparison.Ordinal)).Split(' ')[^1].Trim();

    private static async Task AnswerAsync(HostileRequest request, string status, string body, string contentType = "text/plain") =>
        await request.SendAsync($"HTTP/1.1 {status}\r\nContent-Type: {contentType}\r\nContent-Length: {body.Length}\r\n\r\n{body}");
}
