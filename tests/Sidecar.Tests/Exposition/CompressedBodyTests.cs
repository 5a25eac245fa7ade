using Sidecar.Exposition;
using Sidecar.Memory;

namespace Sidecar.Tests.Exposition;

public sealed class CompressedBodyTests
{
    public static TheoryData<int> Sizes =>
        [0, 1, BlockPool.BlockSize - 1, BlockPool.BlockSize, BlockPool.BlockSize + 1, 3 * BlockPool.BlockSize, 100_001];

    [Theory, MemberData(nameof(Sizes))]
    public void Gives_back_what_was_written_over_block_borders(int size)
    {
        var bytes = new byte[size];
        new Random(size).NextBytes(bytes);
        foreach (var step in new[] { 1000, BlockPool.BlockSize, int.MaxValue })
        {
            var body = new CompressedBody();
            using (var stream = body.OpenWrite())
            {
                for (var at = 0; at < size; at += Math.Min(step, size - at))
                    stream.Write(bytes, at, Math.Min(step, size - at));
            }
            Assert.Equal(size, body.Length);
            for (var again = 0; again < 2; again++)
                Assert.Equal(bytes, ReadAll(body, step));
            body.Release();
        }
    }

    [Fact]
    public void Is_filled_in_place_as_from_a_socket()
    {
        var bytes = new byte[3 * BlockPool.BlockSize + 17];
        new Random(1).NextBytes(bytes);
        var body = new CompressedBody();
        for (var at = 0; at < bytes.Length;)
        {
            var space = body.FreeSpace();
            Assert.False(space.IsEmpty);
            var count = Math.Min(Math.Min(7001, space.Length), bytes.Length - at);
            bytes.AsMemory(at, count).CopyTo(space);
            body.Advance(count);
            at += count;
        }
        Assert.Equal(bytes, ReadAll(body, 4096));
        Assert.InRange(body.Capacity, body.Length, body.Length + BlockPool.BlockSize);
        body.Release();
    }

    [Fact]
    public void The_last_reference_gives_the_blocks_back()
    {
        var body = new CompressedBody();
        body.OpenWrite().Write("abc"u8);
        Assert.Same(body, body.AddReference());
        body.Release();
        Assert.Equal("abc"u8.ToArray(), ReadAll(body, 10));
        body.Release();
        Assert.Equal(0, body.Length);
        Assert.Equal(0, body.Capacity);
    }

    private static byte[] ReadAll(CompressedBody body, int step)
    {
        using var stream = body.OpenRead();
        var output = new MemoryStream();
        var buffer = new byte[Math.Min(step, 1 << 17)];
        int count;
        while ((count = stream.Read(buffer, 0, buffer.Length)) > 0)
            output.Write(buffer, 0, count);
        return output.ToArray();
    }

    /// <summary>
    /// Two bodies that grow by turns have blocks between each other's; what one lets go of is filled again in another order.
    /// </summary>
    [Theory]
    [InlineData(0), InlineData(1), InlineData(4096), InlineData(4097), InlineData(16 * 1024), InlineData(100_000)]
    public void Pieces_are_the_bytes_in_their_order(int size)
    {
        var random = new Random(size);
        var merged = 0;
        for (var round = 0; round < 20; round++)
        {
            var bodies = new[] { new CompressedBody(), new CompressedBody() };
            var bytes = new byte[bodies.Length][];
            for (var i = 0; i < bytes.Length; i++)
                random.NextBytes(bytes[i] = new byte[size]);
            var done = new int[bodies.Length];
            while (done.Min() < size)
            {
                var i = random.Next(bodies.Length);
                var count = Math.Min(random.Next(1, 9000), size - done[i]);
                bodies[i].Append(bytes[i].AsSpan(done[i], count));
                done[i] += count;
            }
            for (var i = 0; i < bodies.Length; i++)
            {
                Assert.Equal(bytes[i], bodies[i].Pieces().SelectMany(p => p.ToArray()));
                Assert.All(bodies[i].Pieces(), p => Assert.InRange(p.Length, 0, 16 * 1024));
                merged += bodies[i].Pieces().Count(p => p.Length > BlockPool.BlockSize);
            }
            foreach (var body in bodies.OrderBy(_ => random.Next()))
                body.Release();
        }
        Assert.True(size < 16 * 1024 || merged > 0);
    }
}
