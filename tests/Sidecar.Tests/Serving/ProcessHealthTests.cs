using Microsoft.Extensions.Time.Testing;
using Sidecar.Serving;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>Health fails for what only a new start mends, and never for a process that slept or a peer that is slow.</summary>
public sealed class ProcessHealthTests
{
    private readonly FakeTimeProvider time = new(new DateTimeOffset(2026, 11, 24, 0, 0, 0, TimeSpan.Zero));
    private readonly List<Pulse> scraping = [];
    private readonly Pulse discovery;
    private readonly Pulse sending;
    private readonly ProcessHealth health;
    private DateTimeOffset? oldestWaiting;

    public ProcessHealthTests()
    {
        discovery = new Pulse(time);
        sending = new Pulse(time);
        health = new ProcessHealth(time)
        {
            Scraping = () => scraping,
            Discovery = [discovery],
            Sending = sending,
            OldestWaiting = () => oldestWaiting,
        };
    }

    [Fact]
    public void All_is_well_before_anything_has_moved_and_while_nothing_is_to_do()
    {
        Pass(TimeSpan.FromDays(1));
        Assert.Null(health.WhyUnhealthy());
    }

    [Fact]
    public void Discovery_that_does_not_move_in_its_time_is_unhealthy()
    {
        discovery.Beat(TimeSpan.FromMinutes(3));
        Pass(TimeSpan.FromMinutes(2));
        Assert.Null(health.WhyUnhealthy());
        Pass(TimeSpan.FromMinutes(2));
        Assert.Equal("Discovery has not moved for 4m0s.", health.WhyUnhealthy());
        discovery.Beat(TimeSpan.FromMinutes(3));
        Assert.Null(health.WhyUnhealthy());
    }

    [Fact]
    public void Scraping_is_unhealthy_only_where_no_loop_moves()
    {
        scraping.AddRange([new Pulse(time), new Pulse(time)]);
        scraping.ForEach(p => p.Beat(TimeSpan.FromSeconds(45)));
        Pass(TimeSpan.FromSeconds(30));
        scraping[1].Beat(TimeSpan.FromSeconds(45));
        Pass(TimeSpan.FromSeconds(30));
        Assert.Null(health.WhyUnhealthy());
        Pass(TimeSpan.FromSeconds(20));
        Assert.Equal("No scrape loop has moved for 50s.", health.WhyUnhealthy());
        scraping[0].Beat(TimeSpan.FromSeconds(45));
        Assert.Null(health.WhyUnhealthy());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData(5.0, false)] // seconds: it was just made
    [InlineData(600.0, true)]
    public void Sending_is_unhealthy_only_where_scrapes_wait(double? age, bool isUnhealthy)
    {
        sending.Beat(TimeSpan.FromMinutes(3));
        Pass(TimeSpan.FromMinutes(10));
        oldestWaiting = age is { } seconds ? time.GetUtcNow() - TimeSpan.FromSeconds(seconds) : null;
        Assert.Equal(isUnhealthy ? "Nothing was sent or tried for 10m0s, although scrapes wait." : null, health.WhyUnhealthy());
        sending.Beat(TimeSpan.FromMinutes(3)); // a receiver that never answers is tried
        Assert.Null(health.WhyUnhealthy());
    }

    [Fact]
    public void A_process_that_stood_still_gives_every_loop_its_time_anew()
    {
        scraping.Add(new Pulse(time));
        scraping[0].Beat(TimeSpan.FromSeconds(45));
        discovery.Beat(TimeSpan.FromMinutes(3));
        Pass(TimeSpan.FromSeconds(10));
        time.Advance(TimeSpan.FromHours(8)); // a laptop's night: nobody looked round
        health.LookRound();
        Assert.Null(health.WhyUnhealthy());
        Pass(TimeSpan.FromSeconds(40));
        Assert.Null(health.WhyUnhealthy());
        Pass(TimeSpan.FromSeconds(10)); // and if it does not move then, it hangs
        Assert.StartsWith("No scrape loop has moved for 50s", health.WhyUnhealthy(), StringComparison.Ordinal);
    }

    /// <summary>Time passes while the listener's thread looks round.</summary>
    private void Pass(TimeSpan span)
    {
        for (var left = span; left > TimeSpan.Zero; left -= TimeSpan.FromSeconds(1))
        {
            time.Advance(TimeSpan.FromSeconds(1));
            health.LookRound();
        }
    }
}
