using System.Diagnostics;
using System.Net;
using System.Net.Sockets;

namespace Sidecar.EndToEnd;

/// <summary>
/// Static targets whose names no DNS server answers for, more than the process has pool threads: a lookup takes minutes and cannot be
/// cancelled. Everything else goes on. A mount namespace has a resolv.conf of its own, which only root can make.
/// </summary>
public sealed class SilentDnsTests(PublishedBinary binary)
{
    private const int DeadNames = 8;
    private const string Address = "127.77.53.1";

    private static readonly CancellationToken Cancellation = TestContext.Current.CancellationToken;

    [Fact]
    public async Task Names_that_no_server_answers_for_hold_nothing_up()
    {
        await using var run = await StandInFixture.CreateAsync();
        var dead = Enumerable.Range(1, DeadNames).Select(i => $"dead{i}.example:6443").ToArray();
        await StartAsync(run, [.. dead, $"127.0.0.1:{run.ApiServer.Port}"], async () =>
        {
            foreach (var name in dead)
                await run.Sidecar.WaitForLogAsync("Scrape failed", $"the name {name.Split(':')[0]} was still", "resolv.conf");
            var before = run.Samples("a").Count;
            await Eventually.TrueAsync(() => run.Samples("a").Count >= before + 5, () => string.Join('\n', run.Sidecar.Log));
            await IsHealthyAsync(run);
            await run.StopAsync();
        });
    }

    /// <summary>The thread that waits is one for lookups.</summary>
    [Theory]
    [InlineData("SIDECAR_REMOTE_WRITE_PROXY_URL", "http://dead.example:3128", "the name dead.example of the proxy was still")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL", "http://dead.example/api/v1/write", "the name dead.example was still")]
    public async Task A_receiver_or_proxy_whose_name_nobody_answers_for_holds_no_thread_of_the_pool(string name, string url, string words)
    {
        await using var run = await StandInFixture.CreateAsync();
        run.Environment[name] = url;
        run.Environment["SIDECAR_REMOTE_WRITE_TIMEOUT"] = "3s";
        await StartAsync(run, [$"127.0.0.1:{run.ApiServer.Port}"], async () =>
        {
            await run.Sidecar.WaitForLogAsync("Sending failed", words, "resolv.conf");
            await Eventually.TrueAsync(() => ThreadNames(run.Sidecar.Id).Contains("name lookup"),
                () => string.Join('\n', ThreadNames(run.Sidecar.Id)));
            var before = run.ApiServer.Metrics.Scrapes;
            await Eventually.TrueAsync(() => run.ApiServer.Metrics.Scrapes >= before + 5, () => string.Join('\n', run.Sidecar.Log));
            await IsHealthyAsync(run);
        });
    }

    private async Task StartAsync(StandInFixture run, string[] targets, Func<Task> test)
    {
        using var silent = Listen();
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, $"nameserver {Address}\noptions timeout:30 attempts:5\n", Cancellation);
            var mount = $"mount --bind {file} /etc/resolv.conf";
            Assert.SkipUnless(silent is not null && await MayMountAsync(mount), "only root can give a process a resolv.conf of its own");
            foreach (var name in run.Environment.Keys.Where(k => k.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)).ToArray())
                run.Environment.Remove(name);
            run.Environment["SIDECAR_TARGETS"] = string.Join(',', targets);
            run.Environment["SIDECAR_TLS_CA_FILE"] = run.Cluster.CaFile;
            run.Environment["SIDECAR_AUTHORIZATION_CREDENTIALS_FILE"] = run.Cluster.TokenFile;
            run.ApiServer.Metrics.Serve("a 1\n");
            run.Start("unshare", "--mount", "sh", "-c", $"{mount} && exec {binary.Path}");
            await test();
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task IsHealthyAsync(StandInFixture run)
    {
        using var http = new HttpClient();
        Assert.Equal(HttpStatusCode.OK, (await http.GetAsync(new Uri(await run.Sidecar.ListenAddressAsync(), "-/healthy"),
            Cancellation)).StatusCode);
    }

    private static string[] ThreadNames(int process)
    {
        return [.. Directory.GetDirectories($"/proc/{process}/task").Select(Name)];

        static string Name(string thread)
        {
            try
            {
                return File.ReadAllText(Path.Combine(thread, "comm")).Trim();
            }
            catch (IOException)
            {
                return ""; // it has ended
            }
        }
    }

    /// <summary>Takes questions and answers none; null where the port of DNS may not be had.</summary>
    private static Socket? Listen()
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Parse(Address), 53));
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            return null;
        }
    }

    private static async Task<bool> MayMountAsync(string mount)
    {
        try
        {
            var start = new ProcessStartInfo("unshare", ["--mount", "sh", "-c", mount]) { RedirectStandardError = true };
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync(Cancellation);
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
