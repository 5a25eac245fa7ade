using Sidecar.Http;
using Sidecar.Queueing;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Sending;
using Sidecar.Telemetry;
using Sidecar.Tests.Requests;

namespace Sidecar.Tests.Sending;

/// <summary>The delivery of one test's requests, as the sender does it.</summary>
internal sealed class DeliveryRun : IDisposable
{
    private readonly DeliveryTest test;
    private readonly PeerClient client;
    private readonly ScrapeQueue queue;
    private readonly Metrics metrics;
    private readonly RequestDelivery delivery;
    private readonly Scrape scrape;

    public DeliveryRun(DeliveryTest test, int version)
    {
        this.test = test;
        Protocol = new ReceiverProtocol((WriteProtocol)version);
        var options = new RemoteWriteOptions
        {
            Url = test.receiver.WriteUrl,
            Headers = [],
            Http = new HttpOptions(),
            Timeout = TimeSpan.FromSeconds(30),
            MaxSamplesPerSend = 2000,
            Concurrency = 1,
            MinBackoff = TimeSpan.FromMilliseconds(30),
            MaxBackoff = TimeSpan.FromSeconds(5),
        };
        metrics = new Metrics(options.Url, "j", TimeSpan.FromSeconds(15), test.time);
        var lines = new Log(test.log, LogLevel.Info, LogFormat.Logfmt, test.time);
        client = new PeerClient(options.Http, 4, test.time);
        queue = new ScrapeQueue(new QueueOptions { SizeLimit = 1 << 20, AgeLimit = TimeSpan.Zero }, null, metrics, lines, test.time);
        delivery = new RequestDelivery(new WriteReceiver(options, Protocol, client, metrics, lines, test.time, default), Protocol,
            queue, metrics, lines, test.time);
        scrape = test.fixture.Scrape("a 1\n", 1000).Scrape;
    }

    public ReceiverProtocol Protocol { get; }

    public SendingState State => delivery.Receiver.State;

    public int TooLarge { get; set; }

    /// <summary>Samples.</summary>
    public long Dropped => metrics.SamplesDroppedTotal[DropReason.Rejected];

    /// <summary>All requests of a scrape, and then 15 seconds; returns how many the receiver saw.</summary>
    public async Task<int> ScrapeAsync()
    {
        var before = test.requests;
        for (var request = 0; request < DeliveryTest.RequestsOfScrape; request++)
            await DeliverAsync(request);
        test.time.Advance(TimeSpan.FromSeconds(60.0 / DeliveryTest.ScrapesOfMinute));
        return test.requests - before;
    }

    public Task<Delivered> DeliverAsync(int place) => delivery.DeliverAsync(
        OpenedRequestTests.Make(DeliveryTest.Series, Protocol.Current == WriteVersion.One ? 1 : 2, $"m{place}_"), scrape, place,
        TestContext.Current.CancellationToken);

    public Task<Delivered> DeliverAsync(EncodedRequest request) =>
        delivery.DeliverAsync(request, scrape, place: 0, TestContext.Current.CancellationToken);

    public void Dispose()
    {
        scrape.Release();
        queue.Dispose();
        client.Dispose();
    }
}
