using CsCheck;
using Sidecar.Memory;
using Sidecar.Scraping;

namespace Sidecar.Tests.Scraping;

/// <summary>The table of hashes does what two plain sets would do.</summary>
public sealed class SeriesTableTests
{
    [Fact]
    public void Does_what_a_set_does_over_any_scrapes()
    {
        // Few different hashes, so that scrapes overlap; 0 and 1 are special in the table.
        var scrape = Gen.Select(Gen.ULong[2, 400].Array[0, 300], Gen.Int[0, 3]);
        Gen.Select(scrape.Array[1, 8], Gen.Bool).Sample((scrapes, spread) =>
        {
            using var table = new SeriesTable();
            var known = new HashSet<ulong>();
            foreach (var (hashes, ending) in scrapes)
            {
                var seen = new HashSet<ulong>();
                table.ClearSeen();
                foreach (var small in hashes)
                {
                    var hash = spread ? small * 0x9E3779B97F4A7C15 : small;
                    Assert.Equal(known.Contains(hash), table.Contains(hash, out var isSeen));
                    Assert.Equal(seen.Contains(hash), isSeen);
                    var isFirst = known.Add(hash) ? SeriesTable.Added.New : SeriesTable.Added.Known;
                    var expected = seen.Add(hash) ? isFirst : SeriesTable.Added.Duplicate;
                    Assert.Equal(expected, table.Add(hash));
                }
                Assert.Equal(known.Count, table.Count);
                Assert.Equal(seen.Count, table.Seen);
                if (ending == 3)
                {
                    table.RemoveUnseen();
                    known.IntersectWith(seen);
                    Assert.Equal((known.Count, known.Count), (table.Count, table.Seen));
                    continue;
                }
                if (ending == 2)
                    continue; // a scrape that broke: nothing is forgotten
                foreach (var hash in known.Order().ToList())
                {
                    var missing = !seen.Contains(hash);
                    Assert.Equal(missing, table.TakeUnseen(hash, remove: ending == 1));
                    Assert.False(table.TakeUnseen(hash, remove: ending == 1));
                    if (missing && ending == 1)
                        known.Remove(hash);
                }
                Assert.False(table.TakeUnseen(ulong.MaxValue, remove: true));
                Assert.Equal(known.Count, table.Count);
                Assert.Equal(known.Count, table.Seen);
            }
            // Whatever the table went through, it still knows the same series.
            table.ClearSeen();
            foreach (var hash in known)
                Assert.Equal(SeriesTable.Added.Known, table.Add(hash));
            Assert.Equal(table.Count, table.Seen);
        }, iter: 300, threads: 1);
    }

    /// <summary>Out of memory in the middle of growing, at the first block or at the second: the table is as it was.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_table_that_cannot_grow_is_as_it_was_and_grows_later(int failing)
    {
        var left = int.MaxValue;
        using var table = new SeriesTable(bytes =>
            left-- == 0 ? throw new InsufficientMemoryException() : NativeHeap.AllocateZeroed(bytes));
        ulong added = 0;
        for (var failures = 0; failures < 50;)
        {
            left = failing - 1;
            var hash = (added + 1) * 0x9E3779B97F4A7C15;
            try
            {
                table.Add(hash);
                added++;
                continue;
            }
            catch (OutOfMemoryException)
            {
                failures++;
            }
            Assert.Equal((int)added, table.Count);
            Assert.Equal((int)added, table.Seen);
            Assert.False(table.Contains(hash, out _));
            table.ClearSeen();
            for (ulong known = 1; known <= added; known++)
                Assert.Equal(SeriesTable.Added.Known, table.Add(known * 0x9E3779B97F4A7C15));
            left = int.MaxValue;
            Assert.Equal(SeriesTable.Added.New, table.Add(hash));
            added++;
        }
        Assert.InRange(added, 1000u, 1_000_000u);
    }

    [Fact]
    public void Unseen_series_are_forgotten_at_once()
    {
        using var table = new SeriesTable();
        for (ulong hash = 0; hash < 5000; hash++)
            table.Add(hash * 0x9E3779B97F4A7C15 + 5);
        table.ClearSeen();
        for (ulong hash = 0; hash < 5000; hash += 3)
            Assert.Equal(SeriesTable.Added.Known, table.Add(hash * 0x9E3779B97F4A7C15 + 5));
        table.RemoveUnseen();
        Assert.Equal(1667, table.Count);
        table.ClearSeen();
        for (ulong hash = 0; hash < 5000; hash++)
            Assert.Equal(hash % 3 == 0 ? SeriesTable.Added.Known : SeriesTable.Added.New, table.Add(hash * 0x9E3779B97F4A7C15 + 5));
    }

    /// <summary>The index costs memory, and time to make: where the next scrape has the same order, there is none.</summary>
    [Theory]
    [InlineData(10)]
    [InlineData(3000)]
    [InlineData(30_000)]
    public void A_scrape_like_the_one_before_needs_no_index(int series)
    {
        var blocks = 0;
        using var table = new SeriesTable(bytes =>
        {
            blocks++;
            return NativeHeap.AllocateZeroed(bytes);
        });
        var random = new Random(5);
        ulong next = 0;
        var body = Enumerable.Range(0, series).Select(_ => New()).ToList();
        for (var scrape = 0; scrape < 20; scrape++)
        {
            Show();
            blocks = 0;
            Show();
            Assert.Equal(0, blocks);
            // Some vanish and others come, anywhere, alone and in runs.
            for (var i = 0; i < series / 50; i++)
                body.RemoveAt(random.Next(body.Count));
            body.RemoveRange(body.Count / 3, series / 100);
            for (var i = 0; i < series / 50; i++)
                body.Insert(random.Next(body.Count + 1), New());
            body.InsertRange(body.Count / 2, Enumerable.Range(0, series / 100).Select(_ => New()));
        }

        ulong New() => ++next * 0x9E3779B97F4A7C15;

        void Show()
        {
            table.ClearSeen();
            foreach (var hash in body)
                Assert.NotEqual(SeriesTable.Added.Duplicate, table.Add(hash));
            table.RemoveUnseen();
            Assert.Equal(body.Count, table.Count);
        }
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(1UL)]
    [InlineData(2UL)]
    [InlineData(ulong.MaxValue)]
    public void Any_hash_can_be_added_and_removed(ulong hash)
    {
        using var table = new SeriesTable();
        Assert.False(table.TakeUnseen(hash, remove: true));
        Assert.Equal(SeriesTable.Added.New, table.Add(hash));
        Assert.Equal(SeriesTable.Added.Duplicate, table.Add(hash));
        table.ClearSeen();
        Assert.True(table.TakeUnseen(hash, remove: true));
        Assert.Equal(0, table.Count);
        Assert.Equal(SeriesTable.Added.New, table.Add(hash));
        table.Clear();
        Assert.Equal(SeriesTable.Added.New, table.Add(hash));
    }

    [Fact]
    public void Churn_does_not_fill_the_table_with_what_was_removed()
    {
        using var table = new SeriesTable();
        for (ulong scrape = 0; scrape < 200; scrape++)
        {
            table.ClearSeen();
            for (ulong i = 0; i < 100; i++)
                Assert.Equal(SeriesTable.Added.New, table.Add((scrape * 100 + i + 1) * 0x9E3779B97F4A7C15));
            table.RemoveUnseen();
            Assert.Equal(100, table.Count);
        }
    }
}
