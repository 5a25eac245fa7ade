using Cluster;
using Sidecar.Tests.Scraping;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Sending;

/// <summary>Scrapes of some requests each, delivered to a receiver whose answers a test decides.</summary>
public abstract class DeliveryTest : IAsyncLifetime
{
    internal const int RequestsOfScrape = 40;
    internal const int Series = 8; // of a request
    internal const int ScrapesOfMinute = 4;

    internal readonly ClockWithTimers time = new();
    internal readonly LogText log = new();
    internal readonly Receiver receiver = new();
    internal readonly ScrapeFixture fixture = new();
    internal readonly HashSet<string> arrived = [];
    internal int requests;

    public async ValueTask InitializeAsync() => await receiver.StartAsync();

    public async ValueTask DisposeAsync()
    {
        fixture.Dispose();
        await receiver.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    private protected static async Task WaitForAsync(Func<bool> condition)
    {
        for (var i = 0; i < 3000 && !condition(); i++)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }

    /// <summary>Until it is delivered, through all waits between tries.</summary>
    private protected async Task PassTimeAsync(Task delivered)
    {
        for (var i = 0; i < 3000 && !delivered.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(20, TestContext.Current.CancellationToken);
        }
        Assert.True(delivered.IsCompleted);
    }

    /// <param name="version">0 for one that is not known yet.</param>
    /// <param name="sizeLimit">413 above this many series.</param>
    private protected DeliveryRun Run(int version, Func<List<string>, ReceiverAnswer> answer, int? sizeLimit = null)
    {
        var run = new DeliveryRun(this, version);
        receiver.Answer = request =>
        {
            lock (arrived)
            {
                requests++;
                var names = request.Message.Timeseries.Select(s => s.Labels.Single(l => l.Name == "__name__").Value).ToList();
                if (names.Count > sizeLimit)
                {
                    run.TooLarge++;
                    return new ReceiverAnswer(413, "request too large");
                }
                var answered = answer(names);
                if (answered.Status / 100 == 2)
                    arrived.UnionWith(names);
                return answered;
            }
        };
        return run;
    }
}
