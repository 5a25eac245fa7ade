using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

public sealed class PeerClientTests : IDisposable
{
    private readonly Folder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task A_request_carries_the_credentials_and_our_name_and_nothing_else()
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"));
        using var asking = new Asking(new() { Credentials = "secret" });
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        var headers = server.Requests.Single().Headers;
        Assert.Equal("Bearer secret", headers["Authorization"]);
        Assert.StartsWith("sidecar/", headers["User-Agent"]);
        Assert.Equal(["Authorization", "Host", "User-Agent"], headers.Keys.Order());
    }

    [Theory]
    [InlineData(true, null)]
    [InlineData(false, "Bearer secret")]
    public async Task What_is_for_TLS_only_never_goes_over_plain_HTTP(bool isForTlsOnly, string? authorization)
    {
        await using var server = new RawServer(_ => RawServer.Ok("hello"));
        using var asking = new Asking(new() { Credentials = "secret", IsForTlsOnly = isForTlsOnly });
        Assert.Equal("200 hello", await asking.GetAsync(server.Url));
        Assert.Equal(authorization, server.Requests.Single().Header("Authorization"));
    }

    [Fact]
    public async Task Connections_are_kept_and_cookies_are_not()
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "", "Set-Cookie: a=b"));
        using var asking = new Asking(new());
        for (var i = 0; i < 3; i++)
            await asking.GetAsync(server.Url);
        Assert.Equal(1, server.Connections);
        Assert.All(server.Requests, r => Assert.Null(r.Header("Cookie")));
    }

    [Fact]
    public async Task A_401_has_the_token_read_again_and_asked_once_more()
    {
        var file = folder.Write("token", "old");
        await using var server = new RawServer(request =>
        {
            if (request.Header("Authorization") == "Bearer new")
                return RawServer.Ok("in");
            folder.Write("token", "new"); // rotated between the reading and the judgement
            return RawServer.Answer("401 Unauthorized");
        });
        using var asking = new Asking(new() { CredentialsFile = file });
        Assert.Equal("200 in", await asking.GetAsync(server.Url));
        Assert.Equal(["Bearer old", "Bearer new"], server.Requests.Select(r => r.Header("Authorization")));
    }

    [Fact]
    public async Task A_401_for_a_token_that_has_not_changed_is_final()
    {
        await using var server = new RawServer(_ => RawServer.Answer("401 Unauthorized"));
        using var asking = new Asking(new() { CredentialsFile = folder.Write("token", "old") });
        Assert.Equal("401 ", await asking.GetAsync(server.Url));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_missing_token_is_a_failure_and_no_anonymous_request()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""));
        using var asking = new Asking(new() { CredentialsFile = folder.At("none") });
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.Credentials, failure.Reason);
        Assert.Contains("does not exist", failure.Message);
        Assert.Empty(server.Requests);
    }

    [Fact]
    public async Task A_token_file_that_goes_bad_is_logged_once_and_its_return_too()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""));
        var file = folder.Write("token", "good");
        using var asking = new Asking(new() { CredentialsFile = file });
        await asking.GetAsync(server.Url);
        File.Delete(file);
        await asking.GetAsync(server.Url);
        await asking.GetAsync(server.Url);
        folder.Write("token", "good");
        await asking.GetAsync(server.Url);
        Assert.Equal(4, server.Requests.Count(r => r.Header("Authorization") == "Bearer good"));
        Assert.Collection(asking.Log.TrimEnd().Split('\n'), line => Assert.Contains("does not exist", line), line =>
            Assert.Contains("level=info", line));
    }

    [Theory]
    [InlineData("GET", 301, true)]
    [InlineData("GET", 302, true)]
    [InlineData("GET", 303, true)]
    [InlineData("GET", 307, true)]
    [InlineData("GET", 308, true)]
    [InlineData("GET", 300, false)]
    [InlineData("GET", 304, false)]
    [InlineData("POST", 301, false)]
    [InlineData("POST", 302, false)]
    [InlineData("POST", 303, false)]
    [InlineData("POST", 307, true)]
    [InlineData("POST", 308, true)]
    public async Task Redirects_are_followed_where_the_method_stays(string method, int status, bool isFollowed)
    {
        await using var server = new RawServer(r =>
            r.Path == "/a" ? RawServer.Answer($"{status} Elsewhere", "", "Location: /b?c=d") : RawServer.Ok(r.Body));
        using var asking = new Asking(new() { Credentials = "secret" });
        var answer = await asking.GetAsync(() => new HttpRequestMessage(new HttpMethod(method), new Uri(server.Url, "a"))
        {
            Content = method == "POST" ? new StringContent("body") : null,
        });
        Assert.Equal(isFollowed ? method == "POST" ? "200 body" : "200 " : $"{status} ", answer);
        Assert.Equal(isFollowed ? ["/a", "/b?c=d"] : ["/a"], server.Requests.Select(r => r.Path));
        Assert.All(server.Requests, r => Assert.Equal((method, "Bearer secret"), (r.Method, r.Header("Authorization"))));
    }

    [Fact]
    public async Task Where_redirects_are_not_followed_they_are_the_answer()
    {
        await using var server = new RawServer(_ => RawServer.Answer("302 Elsewhere", "", "Location: /b"));
        using var asking = new Asking(new() { FollowsRedirects = false });
        Assert.Equal("302 ", await asking.GetAsync(() => new HttpRequestMessage(HttpMethod.Get, server.Url)));
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task Secrets_never_go_to_another_host_nor_back_by_its_order()
    {
        RawServer? home = null;
        await using var other = new RawServer(_ => RawServer.Answer("307 Elsewhere", "", $"Location: {home!.Url}again"));
        await using var server = home =
            new RawServer(r => r.Path == "/again" ? RawServer.Ok("end") : RawServer.Answer("307 Elsewhere", "", $"Location: {other.Url}"));
        using var asking = new Asking(new() { Credentials = "secret" });
        Assert.Equal("200 end", await asking.GetAsync(() => new HttpRequestMessage(HttpMethod.Get, server.Url)
        {
            Headers = { { "X-Scope-OrgID", "tenant" }, { "X-Prometheus-Remote-Write-Version", "0.1.0" }, { "Accept", "text/plain" } },
        }));
        Assert.Equal("Bearer secret", server.Requests[0].Header("Authorization"));
        Assert.Equal("tenant", server.Requests[0].Header("X-Scope-OrgID"));
        foreach (var request in (RawRequest[])[other.Requests.Single(), server.Requests[1]])
        {
            Assert.Null(request.Header("Authorization"));
            Assert.Null(request.Header("X-Scope-OrgID"));
            Assert.Equal("0.1.0", request.Header("X-Prometheus-Remote-Write-Version"));
            Assert.Equal("text/plain", request.Header("Accept"));
        }
    }

    [Fact]
    public async Task Ten_redirects_are_followed_and_the_eleventh_is_not()
    {
        await using var server = new RawServer(r => int.Parse(r.Path[1..]) is var left and > 0
            ? RawServer.Answer("302 Found", "", $"Location: /{left - 1}") : RawServer.Ok("end"));
        using var asking = new Asking(new());
        Assert.Equal("200 end", await asking.GetAsync(new Uri(server.Url, "10")));
        var failure = await asking.FailAsync(new Uri(server.Url, "11"));
        Assert.Equal(FailureReason.Redirect, failure.Reason);
        Assert.Contains("10 redirects", failure.Message);
    }

    [Theory]
    [InlineData("http://127.0.0.1:1/", "plain HTTP at 127.0.0.1:1")]
    [InlineData("ftp://127.0.0.1/", "not HTTP")]
    public async Task Redirects_to_less_than_TLS_are_refused(string location, string words)
    {
        var authority = new Authority();
        await using var server = new RawServer(_ => RawServer.Answer("302 Found", "", "Location: " + location), authority.Server());
        using var asking = new Asking(new() { Tls = new() { CaFile = folder.Write("ca.crt", authority.Pem) } });
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.Redirect, failure.Reason);
        Assert.Contains(words, failure.Message);
    }

    [Fact]
    public async Task A_failure_behind_a_redirect_names_the_host_that_failed()
    {
        await using var server = new RawServer(_ => RawServer.Answer("302 Found", "", "Location: http://127.0.0.1:1/"));
        using var asking = new Asking(new());
        var failure = await asking.FailAsync(server.Url);
        Assert.Equal(FailureReason.ConnectionRefused, failure.Reason);
        Assert.Contains("127.0.0.1:1 ", failure.Message);
    }

    [Fact]
    public async Task A_file_that_hangs_is_waited_for_once_and_the_last_good_token_goes_on()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "a pipe in the file system stands for the mount that hangs");
        var token = folder.Write("token", "good");
        await using var server = new RawServer(_ => RawServer.Ok(""));
        using var client = new PeerClient(new() { CredentialsFile = token }, 1, TimeProvider.System);
        async Task<TimeSpan> AskAsync()
        {
            var began = TimeProvider.System.GetTimestamp();
            using var answer = await client.SendAsync(() =>
                new HttpRequestMessage(HttpMethod.Get, server.Url), TestContext.Current.CancellationToken);
            return TimeProvider.System.GetElapsedTime(began);
        }
        await AskAsync();
        File.Delete(token);
        using (var made = System.Diagnostics.Process.Start("mkfifo", [token]))
            await made.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.InRange((await AskAsync()).TotalSeconds, 1.9, 60);
        var quick = false; // one that is known to hang is not waited for; on a busy machine all else may take long now and then
        for (var tries = 0; tries < 20 && !quick; tries++)
            quick = (await AskAsync()).TotalSeconds < 1.5;
        Assert.True(quick);
        try
        {
            await File.WriteAllTextAsync(token, "new", TestContext.Current.CancellationToken); // into the pipe: the read goes on
        }
        catch (IOException)
        {
            // It went on once the pipe had somebody to write, and was gone before the words came.
        }
        File.Delete(token);
        folder.Write("token", "newer");
        for (var tries = 0; server.Requests[^1].Header("Authorization") != "Bearer newer"; tries++)
        {
            Assert.True(tries < 600, "the file is not read again");
            await Task.Delay(50, TestContext.Current.CancellationToken);
            await AskAsync();
        }
        Assert.Equal(["Bearer good", "Bearer good", "Bearer good"], server.Requests.Take(3).Select(r => r.Header("Authorization")));
    }
}
