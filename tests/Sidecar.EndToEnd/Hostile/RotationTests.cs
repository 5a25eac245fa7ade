using System.Collections.Concurrent;
using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using Cluster;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>
/// Token and client certificate change every second, each valid for no longer than it must be; no scrape fails because of it.
/// </summary>
public sealed class RotationTests(PublishedBinary binary)
{
    /// <summary>In seconds; a minute and more is for people with time.</summary>
    private const string DurationVariable = "SIDECAR_TEST_ROTATION_SECONDS";

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task No_scrape_fails_while_they_rotate_every_second()
    {
        var seconds = int.Parse(Environment.GetEnvironmentVariable(DurationVariable) ?? "20", CultureInfo.InvariantCulture);
        await using var run = await StandInFixture.CreateAsync(apiServers: 2);
        // The first server is asked for the endpoints, for which there is no client certificate; the second one wants one.
        var strict = run.Cluster.ApiServers[1];
        var accepted = new ConcurrentDictionary<string, int>();
        var shown = new ConcurrentDictionary<string, int>();
        strict.AcceptsClient = client =>
        {
            shown.TryAdd(client.Thumbprint, 0);
            return accepted.ContainsKey(client.Thumbprint);
        };
        await strict.StopAsync();
        await strict.StartAsync();
        var (certificateFile, keyFile) = (Path.Combine(run.Cluster.Folder, "tls.crt"), Path.Combine(run.Cluster.Folder, "tls.key"));
        run.Environment["SIDECAR_TLS_CERT_FILE"] = certificateFile;
        run.Environment["SIDECAR_TLS_KEY_FILE"] = keyFile;
        run.Environment["SIDECAR_SCRAPE_INTERVAL"] = "1s";
        foreach (var server in run.Cluster.ApiServers)
            server.Metrics.Serve("a 1\n");

        var thumbprints = new Queue<string>();
        void Rotate(int number)
        {
            run.Cluster.RotateToken(RbacRule.Slices("default"), RbacRule.Endpoints("default"), RbacRule.MetricsPath);
            using var pair = run.Cluster.Authority.Issue($"client-{number}");
            accepted[pair.Thumbprint] = number;
            thumbprints.Enqueue(pair.Thumbprint);
            Replace(certificateFile, pair.ExportCertificatePem());
            Replace(keyFile, pair.GetECDsaPrivateKey()!.ExportPkcs8PrivateKeyPem());
            // As any issuer has it, one certificate is valid for a while beside the next: the sidecar looks for a new one each second.
            if (thumbprints.Count > 3)
                accepted.TryRemove(thumbprints.Dequeue(), out _);
        }

        Rotate(0);
        run.Start(binary);
        await run.ValueAsync("a", 1);
        await run.ValueAsync("a", 1, server: strict);
        for (var second = 1; second <= seconds; second++)
        {
            await Task.Delay(1000, TestContext.Current.CancellationToken);
            Rotate(second);
        }
        var scrapes = run.Samples("up", server: strict).Count;
        await Eventually.TrueAsync(() => run.Samples("up", server: strict).Count > scrapes + 1, () => "no scrape after the last rotation");
        await run.StopAsync();
        // On a busy machine a scrape may take longer than its second; no other failure is allowed.
        Assert.DoesNotContain(run.Sidecar.Log, l => l.Contains("Scrape failed", StringComparison.Ordinal)
            && !l.Contains("reason=timeout", StringComparison.Ordinal));
        var hasBeenSlow = run.Sidecar.Log.Any(l => l.Contains("reason=timeout", StringComparison.Ordinal));
        foreach (var server in run.Cluster.ApiServers)
        {
            Assert.All(run.Samples("up", server: server),
                s => Assert.True(s.Value == 1 || hasBeenSlow, string.Join('\n', run.Sidecar.Log)));
        }
        Assert.True(shown.Count >= Math.Min(seconds, scrapes) / 4, $"{shown.Count} certificates were shown");
    }

    private static void Replace(string file, string text)
    {
        File.WriteAllText(file + ".new", text);
        File.Move(file + ".new", file, overwrite: true);
    }
}
