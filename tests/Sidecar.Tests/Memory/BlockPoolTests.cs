using Sidecar.Memory;

namespace Sidecar.Tests.Memory;

public sealed class BlockPoolTests
{
    /// <summary>From several threads, more at once than a slab has, and given back in another order.</summary>
    [Fact]
    public void No_block_is_lent_twice()
    {
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, worker =>
        {
            var random = new Random(worker);
            var rented = new List<(Block Block, byte Mark)>();
            for (var step = 0; step < 3000; step++)
            {
                if (rented.Count == 0 || rented.Count < 200 && random.Next(5) < 3)
                {
                    var block = BlockPool.Rent();
                    Assert.Equal(BlockPool.BlockSize, block.Span.Length);
                    var mark = (byte)random.Next(256);
                    block.Span.Fill(mark);
                    rented.Add((block, mark));
                    continue;
                }
                var at = random.Next(rented.Count);
                var (returned, expected) = rented[at];
                Assert.Equal(-1, returned.Span.IndexOfAnyExcept(expected));
                BlockPool.Return(returned);
                rented.RemoveAt(at);
            }
            foreach (var (block, mark) in rented)
            {
                Assert.Equal(-1, block.Span.IndexOfAnyExcept(mark));
                BlockPool.Return(block);
            }
        });
    }
}
