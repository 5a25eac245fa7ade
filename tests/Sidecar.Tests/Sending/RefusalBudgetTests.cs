using Microsoft.Extensions.Time.Testing;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class RefusalBudgetTests
{
    private readonly FakeTimeProvider time = new();
    private readonly RefusalBudget budget;

    public RefusalBudgetTests() => budget = new RefusalBudget(time);

    [Fact]
    public void No_minute_has_more_than_sixty()
    {
        var spent = new List<DateTimeOffset>();
        for (var second = 0; second < 600; second++)
        {
            while (budget.TrySpend(1))
                spent.Add(time.GetUtcNow());
            time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.Equal(600, spent.Count);
        Assert.All(spent, from => Assert.InRange(spent.Count(s => s >= from && s < from.AddMinutes(1)), 0, 60));
    }

    [Fact]
    public void A_search_that_begins_can_end()
    {
        using var one = Begin(24)!;
        using var two = Begin(24)!;
        Assert.False(budget.TrySpend(13));
        Assert.True(budget.TrySpend(12));
        for (var i = 0; i < 12; i++)
            Assert.True(one.TrySpend(2) && two.TrySpend(2));
        Assert.False(one.TrySpend(1));
    }

    [Fact]
    public void What_a_search_did_not_need_is_there_for_others()
    {
        using (var search = Begin(60)!)
        {
            Assert.True(search.TrySpend(2));
            search.End(isFutile: false);
        }
        Assert.False(budget.TrySpend(59));
        Assert.True(budget.TrySpend(58));
        time.Advance(TimeSpan.FromMinutes(1));
        Assert.True(budget.TrySpend(60));
    }

    [Fact]
    public void A_search_may_go_beyond_its_own_while_the_budget_lasts()
    {
        using var search = Begin(10)!;
        Assert.True(search.TrySpend(50));
        Assert.False(search.TrySpend(11));
        Assert.True(search.TrySpend(10));
        Assert.False(search.TrySpend(1));
    }

    /// <summary>Refusals come several at once: the last of them is not lost because the first have set aside more than they need.</summary>
    [Fact]
    public async Task A_search_waits_for_what_others_have_set_aside()
    {
        var one = Begin(24)!;
        using var two = Begin(24)!;
        var third = budget.BeginAsync(24, TestContext.Current.CancellationToken);
        Assert.False(third.IsCompleted);
        one.End(isFutile: false);
        one.Dispose();
        using var begun = await third.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.NotNull(begun);
        var fourth = budget.BeginAsync(24, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(11)); // and not for ever
        Assert.Null(await fourth.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Who_waits_for_a_search_that_is_futile_does_not_begin_another()
    {
        var one = Begin(60)!;
        var other = budget.BeginAsync(24, TestContext.Current.CancellationToken);
        one.End(isFutile: true);
        one.Dispose();
        Assert.Null(await other.WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void Futile_searches_wait_longer_each_time_and_success_ends_that()
    {
        foreach (var minutes in (int[])[1, 2, 4, 8, 16, 30, 30, 30])
        {
            End(isFutile: true);
            Assert.Null(Begin(2));
            time.Advance(TimeSpan.FromMinutes(minutes) - TimeSpan.FromMilliseconds(1));
            Assert.Null(Begin(2));
            time.Advance(TimeSpan.FromMilliseconds(1));
        }
        End(isFutile: false);
        End(isFutile: true);
        time.Advance(TimeSpan.FromMinutes(1));
        End(isFutile: false);
    }

    [Fact]
    public void Futile_searches_at_the_same_time_count_once_and_one_success_outweighs_them()
    {
        var searches = Enumerable.Range(0, 4).Select(_ => Begin(2)!).ToList();
        foreach (var search in searches)
        {
            search.End(isFutile: true);
            search.Dispose();
        }
        time.Advance(TimeSpan.FromMinutes(1));
        using var success = Begin(2)!;
        End(isFutile: true);
        Assert.Null(Begin(2));
        success.End(isFutile: false);
        success.Dispose();
        End(isFutile: false);
    }

    [Fact]
    public void A_search_that_is_cut_short_says_nothing()
    {
        Begin(60)!.Dispose();
        Assert.True(budget.TrySpend(60));
        Assert.Null(Begin(1));
        time.Advance(TimeSpan.FromMinutes(1));
        End(isFutile: false);
    }

    [Fact]
    public void Threads_at_once_get_sixty_together()
    {
        var spent = 0;
        Parallel.For(0, 500, i =>
        {
            if (i % 2 == 0 && Begin(3) is { } search)
            {
                while (search.TrySpend(1))
                    Interlocked.Increment(ref spent);
                search.Dispose();
            }
            while (budget.TrySpend(1))
                Interlocked.Increment(ref spent);
        });
        Assert.Equal(60, spent);
    }

    /// <summary>Null where it is said at once that there is to be none.</summary>
    private RefusalBudget.Allowance? Begin(int requests)
    {
        var begun = budget.BeginAsync(requests, TestContext.Current.CancellationToken);
        Assert.True(begun.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
        return begun.Result;
    }

    private void End(bool isFutile)
    {
        using var search = Begin(2);
        Assert.NotNull(search);
        search.End(isFutile);
    }
}
