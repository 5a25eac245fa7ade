using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Telemetry;
using Sidecar.Tests.Scraping;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Records;

public sealed class PassesTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>On one thread: nobody else can go on for it.</summary>
    [Fact]
    public async Task A_step_that_takes_long_does_not_keep_the_others_waiting()
    {
        using var passes = new Passes(2000, threads: 1);
        using var end = new ManualResetEventSlim();
        var (first, second, third) = (Long(passes, end), Long(passes, end), Long(passes, end));
        // One after another they are found out, and what is short goes on.
        for (var i = 0; i < 10; i++)
            Assert.Equal(i, await passes.RunAsync(_ => i).WaitAsync(Patience, Cancellation));
        Assert.False(first.IsCompleted || second.IsCompleted || third.IsCompleted);
        end.Set();
        await Task.WhenAll(first, second, third).WaitAsync(Patience, Cancellation);
        Assert.Equal(1, await passes.RunAsync(_ => 1));
    }

    [Fact]
    public async Task Steps_that_run_at_the_same_time_have_buffers_of_their_own()
    {
        using var passes = new Passes(2000, threads: 1);
        using var end = new ManualResetEventSlim();
        var slow = Long(passes, end);
        var quick = await passes.RunAsync(context => context).WaitAsync(Patience, Cancellation);
        end.Set();
        Assert.NotSame(quick, await slow);
    }

    [Fact]
    public async Task What_a_step_throws_is_its_callers()
    {
        using var passes = new Passes(2000, threads: 1);
        await Assert.ThrowsAsync<InvalidOperationException>(() => passes.RunAsync<int>(Throw));
        Assert.Equal(1, await passes.RunAsync(_ => 1));

        static int Throw(PassContext context) => throw new InvalidOperationException();
    }

    /// <summary>Nobody knows what state its buffers are in.</summary>
    [Fact]
    public async Task The_context_of_a_pass_that_throws_is_not_lent_again()
    {
        using var passes = new Passes(2000, threads: 1);
        PassContext? thrown = null;
        await Assert.ThrowsAsync<InvalidOperationException>(() => passes.RunAsync<int>(context =>
        {
            thrown = context;
            throw new InvalidOperationException();
        }));
        var next = await passes.RunAsync(context => context);
        Assert.NotSame(thrown, next);
        Assert.Same(next, await passes.RunAsync(context => context));
    }

    [Fact]
    public async Task A_pass_keeps_its_context_through_all_its_slices()
    {
        using var passes = new Passes(2000, threads: 2);
        using var end = new ManualResetEventSlim();
        var contexts = new ConcurrentBag<PassContext>();
        var slices = 0;
        var slow = passes.RunInSlicesAsync<int>(context => (out int result) =>
        {
            contexts.Add(context);
            result = Interlocked.Increment(ref slices);
            Thread.Sleep(Passes.SliceLength);
            return end.IsSet;
        });
        for (var deadline = DateTime.UtcNow + Patience; Volatile.Read(ref slices) < 5 && DateTime.UtcNow < deadline;)
            await passes.RunAsync(_ => { Thread.Sleep(5); return 0; });
        end.Set();
        Assert.True(await slow.WaitAsync(Patience, Cancellation) > 1);
        Assert.Single(contexts.Distinct());
    }

    /// <summary>However many new ones come, what was put aside has its share of the time.</summary>
    [Fact]
    public async Task Long_passes_end_although_there_are_always_new_ones()
    {
        using var passes = new Passes(2000, threads: 1);
        var stop = false;
        var slices = 0;
        var slow = passes.RunInSlicesAsync<bool>(context => (out bool result) =>
        {
            while (!context.Slice.IsOver && !Volatile.Read(ref stop))
                Thread.Sleep(5);
            result = true;
            return ++slices == 5;
        });
        var others = Enumerable.Range(0, 4).Select(async _ =>
        {
            while (!Volatile.Read(ref stop))
                await passes.RunAsync(_ => { Thread.Sleep(5); return 0; });
        }).ToArray();
        await slow.WaitAsync(Patience, Cancellation);
        Volatile.Write(ref stop, true);
        await Task.WhenAll(others);
    }

    /// <summary>In turns of one slice each, all of them would end at the end: too late for their timeouts where there are many.</summary>
    [Fact]
    public async Task Passes_that_take_as_long_as_each_other_end_one_after_another()
    {
        var ends = await RunAsync([6, 6, 6, 6, 6, 6]);
        // A first slice each, and then what is left of the first, of the second, and so on.
        Assert.Equal([11, 16, 21, 26, 31, 36], ends);
    }

    [Fact]
    public async Task A_pass_without_end_goes_behind_the_others_after_its_turn()
    {
        var ends = await RunAsync([500, 10, 10]);
        Assert.Equal([520, 3 + 20 + 9, 3 + 20 + 18], ends);
    }

    /// <summary>Runs passes of so many slices each on one thread; tells after how many slices of all each of them ended.</summary>
    private static async Task<List<long>> RunAsync(int[] slices)
    {
        var time = new FakeTimeProvider();
        using var passes = new Passes(2000, threads: 1, time: time);
        using var begin = new ManualResetEventSlim();
        var gate = passes.RunAsync(_ => begin.Wait(Patience));
        var start = time.GetTimestamp();
        var all = slices.Select(count => passes.RunInSlicesAsync<long>(context => (out long end) =>
        {
            for (; count > 0 && !context.Slice.IsOver; count--)
                time.Advance(Passes.SliceLength);
            end = (long)(time.GetElapsedTime(start) / Passes.SliceLength);
            return count == 0;
        })).ToList();
        begin.Set();
        await gate;
        return [.. await Task.WhenAll(all).WaitAsync(Patience, Cancellation)];
    }

    [Fact]
    public async Task No_more_than_so_many_passes_are_in_progress_and_the_others_wait()
    {
        using var passes = new Passes(2000, threads: 2);
        using var end = new ManualResetEventSlim();
        var contexts = new ConcurrentDictionary<PassContext, bool>();
        var all = Enumerable.Range(0, Passes.MostBegun + 10).Select(_ => passes.RunInSlicesAsync<int>(context => (out int result) =>
        {
            contexts.TryAdd(context, true);
            result = 0;
            Thread.Sleep(1);
            return end.IsSet;
        })).ToList();
        var deadline = DateTime.UtcNow + Patience;
        while (contexts.Count < Passes.MostBegun && DateTime.UtcNow < deadline)
            await Task.Delay(10, Cancellation);
        await Task.Delay(200, Cancellation);
        Assert.Equal(Passes.MostBegun, contexts.Count);
        end.Set();
        await Task.WhenAll(all).WaitAsync(Patience, Cancellation);
    }

    /// <summary>The clock is the only thing in the pool that a test can make fail: an exception outside of a pass.</summary>
    [Fact]
    public async Task What_escapes_a_thread_is_reported_and_the_thread_goes_on()
    {
        var time = new BrokenTime();
        var log = new LogText();
        var metrics = new Metrics(new Uri("http://receiver/"), "j", TimeSpan.FromSeconds(15), TimeProvider.System);
        var errors = new InternalErrors(metrics,
            new Log(log, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System), TimeProvider.System);
        using var passes = new Passes(2000, errors: errors, time: time, threads: 1);
        time.IsBroken = true;
        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => passes.RunAsync(_ => 1).WaitAsync(Patience, Cancellation));
        time.IsBroken = false;
        Assert.Equal(1, await passes.RunAsync(_ => 1).WaitAsync(Patience, Cancellation));
        Assert.Contains("loop=passes", log.ToString());
    }

    [Theory]
    [InlineData(nameof(BodyFormat.PrometheusText004))]
    [InlineData(nameof(BodyFormat.OpenMetricsText100))]
    [Trait("Speed", "Slow")]
    public async Task A_scrape_in_many_slices_is_the_same_as_in_one(string name)
    {
        var format = Enum.Parse<BodyFormat>(name);
        var text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $"m{i % 50}{{s=\"{i}\"}} {i}\n"));
        var less = string.Concat(Enumerable.Range(0, 15_000).Select(i => $"m{i % 50}{{s=\"{i}\"}} {i}\n"));
        using var whole = new ScrapeFixture(budget: 0);
        using var sliced = new ScrapeFixture(budget: 0);
        var clock = new HastyTime();
        using var passes = new Passes(2000, threads: 1, time: clock);
        var timestamp = 0;
        foreach (var body in new[] { text, less, "broken", text })
        {
            var end = format == BodyFormat.OpenMetricsText100 && body != "broken" ? body + "# EOF\n" : body;
            timestamp += 1000;
            var expected = whole.Send(whole.Scrape(end, timestamp, format: format));
            var slices = 0;
            var job = passes.RunInSlicesAsync<ScrapeResult>(context =>
                Count(sliced.Begin(context, ScrapeFixture.Body(end, format: format), timestamp).TryFinish));
            var others = Enumerable.Range(0, 50).Select(_ => passes.RunAsync(_ => 0)).ToList();
            var scrape = await job.WaitAsync(Patience, Cancellation);
            await Task.WhenAll(others);
            Assert.Equal(expected, sliced.Send(scrape));
            Assert.True(slices > 1 || body == "broken", $"{slices} slices");

            PassStep<ScrapeResult> Count(PassStep<ScrapeResult> step) => ([MaybeNullWhen(false)] out ScrapeResult result) =>
            {
                slices++;
                return step(out result);
            };
        }
    }

    private static Task<PassContext> Long(Passes passes, ManualResetEventSlim end) =>
        passes.RunInSlicesAsync<PassContext>(context => ([MaybeNullWhen(false)] out PassContext result) =>
    {
        result = context;
        while (!end.IsSet)
        {
            if (context.Slice.IsOver)
                return false;
            Thread.Sleep(10);
        }
        return true;
    });

    private sealed class BrokenTime : TimeProvider
    {
        public volatile bool IsBroken;

        public override long GetTimestamp() => IsBroken ? throw new InvalidTimeZoneException() : base.GetTimestamp();
    }

    /// <summary>Each look at it is an hour later: every slice is over at once.</summary>
    private sealed class HastyTime : TimeProvider
    {
        private long now;

        public override long TimestampFrequency => 1;

        public override long GetTimestamp() => Interlocked.Add(ref now, 3600);
    }
}
