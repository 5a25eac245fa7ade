#pragma warning disable
using System.Collections.Immutable;
using System.Runtime.InteropServices;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Operation;
using Sidecar.Queueing;
using Sidecar.RemoteWrite;
using Sidecar.Scraping;

namespace Sidecar;

internal static class Program
{
    private static async Task<int> Main()
    {
        string E(string n, string d) => Environment.GetEnvironmentVariable(n) ?? d;
        var time = TimeProvider.System;
        var scrape = new ScrapeOptions { JobName = "apiserver", Interval = TimeSpan.FromSeconds(double.Parse(E("I", "1"))), Timeout = TimeSpan.FromSeconds(10), Scheme = "https", MetricsPath = "/metrics", Params = null, Http = new(), HonorLabels = false, HonorTimestamps = true, TrackTimestampsStaleness = false, BodySizeLimit = 1 << 30, ExternalLabels = [] };
        var rw = new RemoteWriteOptions { Url = new Uri(E("URL", "")), Headers = [], Http = new(), Timeout = TimeSpan.FromSeconds(30), MaxSamplesPerSend = 2000, Concurrency = 4, MinBackoff = TimeSpan.FromMilliseconds(30), MaxBackoff = TimeSpan.FromSeconds(5) };
        var log = new Log(Console.Error, LogLevel.Info, LogFormat.Logfmt, time);
        var metrics = new Metrics(rw.Url, "apiserver", scrape.Interval, time);
        var queue = new ScrapeQueue(new QueueOptions { SizeLimit = 8 << 20, AgeLimit = default }, metrics, log, time);
        var passes = new PassThread(2000);
        var sender = new Sender(rw, new PeerClient(rw.Http, 4), queue, passes, metrics, log, time);
        var stop = new CancellationTokenSource();
        using var s = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => { c.Cancel = true; stop.Cancel(); });
        var budget = new HeldBudget(long.Parse(E("HELD", "4194304")));
        var scraper = new Scraper(scrape, new BodyDownload(new PeerClient(scrape.Http, 4), scrape, 8 << 20, time), passes, budget, queue, metrics, log, time, stop.Token);
        var u = new Uri(E("TARGET", ""));
        scraper.Update([new Target(u, [new("job", "apiserver"), new("instance", u.Authority)], [])]);
        var sending = sender.RunAsync(default);
        try { await Task.Delay(-1, stop.Token); } catch (OperationCanceledException) { }
        await scraper.StopAsync();
        queue.End();
        await sending;
        var gi = GC.GetGCMemoryInfo(); Console.Error.WriteLine($"gc {GC.CollectionCount(0)} {GC.CollectionCount(1)} {GC.CollectionCount(2)} heap {gi.HeapSizeBytes>>10}K committed {gi.TotalCommittedBytes>>10}K frag {gi.FragmentedBytes>>10}K gen0 {gi.GenerationInfo[0].SizeAfterBytes>>10} gen2 {gi.GenerationInfo[2].SizeAfterBytes>>10} loh {gi.GenerationInfo[3].SizeAfterBytes>>10} total alloc {GC.GetTotalAllocatedBytes()>>20}M");
        Console.Error.WriteLine($"sent {metrics.SamplesTotal.Value} bytes {metrics.BytesTotal.Value} retried {metrics.SamplesRetriedTotal.Value}");
        return 0;
    }
}
