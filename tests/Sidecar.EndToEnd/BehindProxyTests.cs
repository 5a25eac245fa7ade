namespace Sidecar.EndToEnd;

/// <summary>A receiver behind a real HTTP proxy that wants a password, in plain HTTP and through a tunnel.</summary>
public sealed class BehindProxyTests(PublishedBinary binary)
{
    private const string Password = "hunter2hunter2";

    /// <summary>The name in the receiver's certificate, and the one to expect there instead of the URL's host.</summary>
    [Theory]
    [InlineData(null, null)]
    [InlineData("127.0.0.1", null)]
    [InlineData("receiver.example", "receiver.example")]
    public async Task All_goes_through_it_and_waits_while_it_is_away(string? certificateName, string? serverName)
    {
        await using var run = await StandInFixture.CreateAsync(receiverName: certificateName);
        int port;
        await using (var proxy = await RealServer.TinyproxyAsync(Password))
        {
            port = proxy.Port;
            run.Environment["SIDECAR_REMOTE_WRITE_PROXY_URL"] = $"http://user:{Password}@127.0.0.1:{port}";
            run.Environment["SIDECAR_REMOTE_WRITE_MAX_BACKOFF"] = "200ms";
            if (serverName is not null)
                run.Environment["SIDECAR_REMOTE_WRITE_TLS_SERVER_NAME"] = serverName;
            run.ApiServer.Metrics.Serve("a 1\n");
            run.Start(binary);
            await run.ValueAsync("a", 1);
            Assert.DoesNotContain("Proxy-Authorization", run.Receiver.Last!.Headers.Keys);
            Assert.Equal(certificateName is null, run.Receiver.Last.Headers.ContainsKey("Via"));
        }
        var before = run.ApiServer.Metrics.Scrapes;
        await run.Sidecar.WaitForLogAsync("Sending failed", "reason=proxy", $"the proxy 127.0.0.1:{port} ");
        await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= before + 3, () => string.Join('\n', run.Sidecar.Log));
        await using (await RealServer.TinyproxyAsync(Password, port))
        {
            await run.Sidecar.WaitForLogAsync("The receiver accepts again");
            await run.StopAsync();
        }
        // What had arrived when the proxy went, without an answer, comes once more.
        run.AllArrived("a");
        Assert.DoesNotContain(Password, string.Join('\n', run.Sidecar.Log));
    }

    /// <summary>What is wrong is the proxy, its password, or what is behind it: check says which, and never the password.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData("127.0.0.1")]
    public async Task Check_tells_the_proxy_from_the_receiver(string? certificateName)
    {
        await using var run = await StandInFixture.CreateAsync(receiverName: certificateName);
        run.ApiServer.Metrics.Serve("a 1\n");
        await using (var proxy = await RealServer.TinyproxyAsync(Password))
        {
            run.Environment["SIDECAR_REMOTE_WRITE_PROXY_URL"] = $"http://user:{Password}@127.0.0.1:{proxy.Port}";
            await CheckAsync(0, $"without samples through the proxy 127.0.0.1:{proxy.Port}");
            run.Environment["SIDECAR_REMOTE_WRITE_PROXY_URL"] = $"http://user:{Password}x@127.0.0.1:{proxy.Port}";
            await CheckAsync(1, $"the proxy 127.0.0.1:{proxy.Port} wants other credentials: it answers 40", "http://USER:PASSWORD@");
            run.Environment["SIDECAR_REMOTE_WRITE_PROXY_URL"] = $"http://127.0.0.1:{proxy.Port}";
            await CheckAsync(1, $"the proxy 127.0.0.1:{proxy.Port} wants credentials: it answers 407", "http://USER:PASSWORD@");
            run.Environment["SIDECAR_REMOTE_WRITE_PROXY_URL"] = $"http://user:{Password}@127.0.0.1:{proxy.Port}";
            await run.Receiver.StopAsync();
            await CheckAsync(1, $"the proxy 127.0.0.1:{proxy.Port} cannot reach 127.0.0.1:{run.Receiver.Port}", "the proxy's log");
        }
        await CheckAsync(1, "refuses connections", "look at host and port in SIDECAR_REMOTE_WRITE_PROXY_URL");
        run.Environment["SIDECAR_REMOTE_WRITE_NO_PROXY"] = "example.com";
        await run.Receiver.StartAsync();
        await CheckAsync(0, "accepts a request without samples; --send"); // loopback addresses are left out by any list

        await using var config = SidecarProcess.Start(binary, run.Environment, "config");
        Assert.Equal(0, await config.WaitForExitAsync());
        Assert.DoesNotContain(Password, config.Output);
        await using var prometheus = SidecarProcess.Start(binary, run.Environment, "config", "--prometheus");
        Assert.Equal(0, await prometheus.WaitForExitAsync());
        Assert.Contains("no_proxy: example.com", prometheus.Output.Replace("\"", ""));
        Assert.DoesNotContain(Password, prometheus.Output);

        async Task CheckAsync(int exitCode, params string[] words)
        {
            await using var check = SidecarProcess.Start(binary, run.Environment, "check");
            Assert.True(exitCode == await check.WaitForExitAsync(), check.Output);
            Assert.All(words, w => Assert.Contains(w, check.Output));
            Assert.DoesNotContain(Password, check.Output + string.Join('\n', check.Log));
        }
    }
}
