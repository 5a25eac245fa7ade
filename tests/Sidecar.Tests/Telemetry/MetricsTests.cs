using System.Buffers;
using System.ComponentModel;
using System.Diagnostics;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Telemetry;

public sealed class MetricsTests
{
    private static readonly DateTimeOffset Start = new(2026, 11, 23, 7, 0, 0, TimeSpan.Zero);

    private static Metrics Make(string url = "http://10.206.0.16:19000/prometheus/v1/write", string job = "apiserver") =>
        new(new Uri(url), job, TimeSpan.FromSeconds(15), new FakeTimeProvider(Start));

    private static string Text(Metrics metrics)
    {
        var output = new ArrayBufferWriter<byte>();
        metrics.Write(output);
        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static Metrics MakeBusy()
    {
        var metrics = Make();
        metrics.SamplesTotal.Add(2000);
        metrics.SamplesFailedTotal.Increment();
        metrics.SamplesRetriedTotal.Add(3);
        metrics.SamplesDroppedTotal.Add(DropReason.TooFarInFuture, 4);
        metrics.SamplesPending.Add(5);
        metrics.SamplesPending.Add(-2);
        metrics.BytesTotal.Add(1L << 40);
        metrics.SentBatchDuration.Observe(TimeSpan.FromSeconds(0.25));
        metrics.SentBatchDuration.Observe(TimeSpan.FromSeconds(0.3));
        metrics.SentBatchDuration.Observe(TimeSpan.FromSeconds(1000));
        metrics.QueueHighestTimestampSeconds.Raise(1763881200.123);
        metrics.QueueHighestTimestampSeconds.Raise(1763881100);
        metrics.ScrapeFailures.Increment(FailureReason.HttpOnHttpsPort);
        for (var i = 1; i <= 100; i++)
            metrics.Jobs[0].IntervalLength.Observe(TimeSpan.FromSeconds(i));
        metrics.Jobs[0].DiscoveredTargets.Set(3);
        metrics.QueueDroppedScrapes.Add(DropReason.QueueSize, 7);
        return metrics;
    }

    [Fact]
    public void Values_appear_under_Prometheus_names_and_labels()
    {
        var samples = TextFormat.Read(Text(MakeBusy()));
        var name = samples.Keys.First(k => k.StartsWith("prometheus_remote_storage_samples_total", StringComparison.Ordinal));
        var remote = name["prometheus_remote_storage_samples_total{".Length..^1];
        Assert.Matches("^remote_name=\"[0-9a-f]{6}\",url=\"http://10.206.0.16:19000/prometheus/v1/write\"$", remote);

        void Has(string series, double value) => Assert.Equal(value, samples[series.Replace("REMOTE", remote, StringComparison.Ordinal)]);
        Has("prometheus_remote_storage_samples_total{REMOTE}", 2000);
        Has("prometheus_remote_storage_samples_failed_total{REMOTE}", 1);
        Has("prometheus_remote_storage_samples_retried_total{REMOTE}", 3);
        Has("prometheus_remote_storage_samples_dropped_total{reason=\"too_far_in_future\",REMOTE}", 4);
        Has("prometheus_remote_storage_samples_dropped_total{reason=\"queue_age\",REMOTE}", 0);
        Has("prometheus_remote_storage_samples_pending{REMOTE}", 3);
        Has("prometheus_remote_storage_bytes_total{REMOTE}", 1L << 40);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_bucket{REMOTE,le=\"0.1\"}", 0);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_bucket{REMOTE,le=\"0.25\"}", 1);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_bucket{REMOTE,le=\"0.5\"}", 2);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_bucket{REMOTE,le=\"300\"}", 2);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_bucket{REMOTE,le=\"+Inf\"}", 3);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_sum{REMOTE}", 1000.55);
        Has("prometheus_remote_storage_sent_batch_duration_seconds_count{REMOTE}", 3);
        Has("prometheus_remote_storage_queue_highest_timestamp_seconds{REMOTE}", 1763881200.123);
        Has("prometheus_remote_storage_queue_highest_sent_timestamp_seconds{REMOTE}", 0);
        Has("sidecar_scrape_failures_total{reason=\"http_on_https_port\"}", 1);
        Has("sidecar_scrape_failures_total{reason=\"dns_lookup\"}", 0);
        Has("prometheus_target_interval_length_seconds{interval=\"15s\",quantile=\"0.01\"}", 1);
        Has("prometheus_target_interval_length_seconds{interval=\"15s\",quantile=\"0.5\"}", 50);
        Has("prometheus_target_interval_length_seconds{interval=\"15s\",quantile=\"0.99\"}", 99);
        Has("prometheus_target_interval_length_seconds_sum{interval=\"15s\"}", 5050);
        Has("prometheus_target_interval_length_seconds_count{interval=\"15s\"}", 100);
        Has("prometheus_sd_discovered_targets{config=\"apiserver\",name=\"scrape\"}", 3);
        Has("prometheus_sd_kubernetes_failures_total", 0);
        Has("prometheus_target_scrapes_exceeded_body_size_limit_total", 0);
        Has("sidecar_queue_dropped_scrapes_total{reason=\"queue_size\"}", 7);
        Has("process_start_time_seconds", Start.ToUnixTimeSeconds());
        Assert.DoesNotContain(samples.Keys, k => k.Contains("reason=\"none\"", StringComparison.Ordinal));
    }

    [Fact]
    public void Process_metrics_tell_this_process()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the rest comes from /proc");
        var samples = TextFormat.Read(Text(Make()));
        Assert.InRange(samples["process_cpu_seconds_total"], 0.001, 1e6);
        Assert.InRange(samples["process_resident_memory_bytes"], 1e6, 1e11);
        Assert.True(samples["process_virtual_memory_bytes"] > samples["process_resident_memory_bytes"]);
        Assert.InRange(samples["process_open_fds"], 3, samples["process_max_fds"]);
        Assert.InRange(samples["dotnet_total_memory_bytes"], 1e3, 1e11);
    }

    [Fact]
    public void Before_the_first_scrape_the_quantiles_are_NaN_as_in_Prometheus() =>
        Assert.Equal(
            double.NaN, TextFormat.Read(Text(Make()))["prometheus_target_interval_length_seconds{interval=\"15s\",quantile=\"0.5\"}"]);

    [Fact]
    public void Quantiles_follow_the_recent_while_sum_and_count_keep_all()
    {
        var metrics = Make();
        for (var i = 0; i < 1000; i++)
            metrics.Jobs[0].IntervalLength.Observe(TimeSpan.FromSeconds(1));
        for (var i = 0; i < 512; i++)
            metrics.Jobs[0].IntervalLength.Observe(TimeSpan.FromSeconds(15));
        var samples = TextFormat.Read(Text(metrics));
        Assert.Equal(15, samples["prometheus_target_interval_length_seconds{interval=\"15s\",quantile=\"0.01\"}"]);
        Assert.Equal(1512, samples["prometheus_target_interval_length_seconds_count{interval=\"15s\"}"]);
        Assert.Equal(8680, samples["prometheus_target_interval_length_seconds_sum{interval=\"15s\"}"]);
    }

    [Theory]
    [InlineData("https://user:hunter2@receiver.example/api/v1/write?token=hunter2#x", "https://receiver.example/api/v1/write")]
    [InlineData("http://[fd00::1]:8428/api/v1/write", "http://[fd00::1]:8428/api/v1/write")]
    public void Url_label_carries_no_secret(string url, string expected)
    {
        var text = Text(Make(url));
        TextFormat.Read(text);
        Assert.Contains($"url=\"{expected}\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", text, StringComparison.Ordinal);
    }

    [Fact]
    public void Label_values_are_escaped()
    {
        var text = Text(Make(job: "a\"b\\c\nd"));
        TextFormat.Read(text);
        Assert.Contains("prometheus_sd_discovered_targets{config=\"a\\\"b\\\\c\\nd\",name=\"scrape\"} 0\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Adds_from_many_threads_are_all_counted()
    {
        var metrics = Make();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < 10_000; i++)
            {
                metrics.SamplesTotal.Increment();
                metrics.SamplesPending.Add(1);
                metrics.ScrapeFailures.Increment(FailureReason.Parse);
                metrics.SentBatchDuration.Observe(TimeSpan.FromSeconds(1));
            }
        })));
        Assert.Equal(40_000, metrics.SamplesTotal.Value);
        Assert.Equal(40_000, metrics.SamplesPending.Value);
        Assert.Equal(40_000, metrics.ScrapeFailures[FailureReason.Parse]);
        var sum = TextFormat.Read(Text(metrics)).Single(s => s.Key.Contains("duration_seconds_sum", StringComparison.Ordinal));
        Assert.Equal(40_000, sum.Value);
    }

    [Fact]
    public async Task Promtool_accepts_the_output()
    {
        using var promtool = new Process { StartInfo = new("promtool") { RedirectStandardInput = true, RedirectStandardError = true } };
        promtool.StartInfo.ArgumentList.Add("check");
        promtool.StartInfo.ArgumentList.Add("metrics");
        try
        {
            promtool.Start();
        }
        catch (Win32Exception)
        {
            Assert.Skip("promtool is not installed (Debian package prometheus)");
        }
        await promtool.StandardInput.WriteAsync(Text(MakeBusy()));
        promtool.StandardInput.Close();
        var complaints = await promtool.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await promtool.WaitForExitAsync(TestContext.Current.CancellationToken);
        // Exit code 3 is lint, and lint only; Prometheus's own names break one of its rules.
        Assert.True(promtool.ExitCode is 0 or 3, complaints);
        Assert.DoesNotContain("error while linting", complaints, StringComparison.Ordinal);
        Assert.DoesNotContain("sidecar_", complaints, StringComparison.Ordinal);
    }
}
