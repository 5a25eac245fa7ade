using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

public sealed class PassThreadTests
{
    [Fact]
    public async Task A_step_that_takes_long_does_not_keep_the_others_waiting()
    {
        using var passes = new PassThread(2000);
        using var end = new ManualResetEventSlim();
        Task Long() => passes.RunAsync(context =>
        {
            while (!end.IsSet)
            {
                PassThread.Pause();
                Thread.Sleep(10);
            }
            return context;
        });
        var first = Long();
        var second = Long();
        var third = Long();
        // One after another they are found out, and what is short goes on.
        for (var i = 0; i < 10; i++)
            Assert.Equal(i, await passes.RunAsync(() => i).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken));
        Assert.False(first.IsCompleted || second.IsCompleted || third.IsCompleted);
        end.Set();
        await Task.WhenAll(first, second, third).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        Assert.Equal(1, await passes.RunAsync(() => 1));
    }

    [Fact]
    public async Task Steps_that_run_at_the_same_time_have_buffers_of_their_own()
    {
        using var passes = new PassThread(2000);
        using var end = new ManualResetEventSlim();
        var slow = passes.RunAsync(context =>
        {
            while (!end.IsSet)
            {
                PassThread.Pause();
                Thread.Sleep(10);
            }
            return context;
        });
        var quick = await passes.RunAsync(context => context).WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        end.Set();
        Assert.NotSame(quick, await slow);
    }

    [Fact]
    public async Task What_a_step_throws_is_its_callers()
    {
        using var passes = new PassThread(2000);
        await Assert.ThrowsAsync<InvalidOperationException>(() => passes.RunAsync<int>(() => throw new InvalidOperationException()));
        Assert.Equal(1, await passes.RunAsync(() => 1));
    }
}
