using System.Buffers.Binary;
using System.IO.Hashing;
using Sidecar.Requests;

namespace Sidecar.Tests.Requests;

/// <summary>The strings of a request of 2.0.</summary>
public sealed class SymbolTableTests
{
    private const int Strings = 2000;

    /// <summary>
    /// Counted, not timed. A target that knows the hash function could else make all its strings belong in one place: n² / 2 looks.
    /// </summary>
    [Fact]
    public void Strings_that_collide_without_a_seed_cost_no_more_than_others()
    {
        var table = new SymbolTable();
        var text = new byte[8];
        var found = 0;
        for (ulong i = 1; found < Strings; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(text, i);
            if ((XxHash3.HashToUInt64(text) & 0x1fff) != 0)
                continue;
            Assert.Equal((uint)++found, table.Add(text));
        }
        Assert.InRange(table.Work, 0, 4 * Strings);
    }

    [Fact]
    public void A_string_is_there_once_whatever_comes_between()
    {
        var table = new SymbolTable();
        for (var round = 0; round < 2; round++)
        {
            for (uint i = 1; i <= 20_000; i++)
                Assert.Equal(i, table.Add(BitConverter.GetBytes(i)));
        }
        table.Clear();
        Assert.Equal(1u, table.Add("a"u8));
        Assert.Equal(0u, table.Add([]));
    }
}
