using Sidecar.Requests;

namespace Sidecar.Tests.Requests;

/// <summary>What is written as literals and copies is read again, as it was, by IronSnappy.</summary>
public sealed class SnappyElementsTests
{
    private readonly SnappyElements elements = new();
    private readonly List<byte> message = [];
    private readonly Random random = new(20261124);

    public SnappyElementsTests() => elements.Begin(WriteVersion.One);

    [Fact]
    public void Literals_of_every_length_and_copies_of_every_length_and_distance()
    {
        // Around each length and distance for which the format has a tag of its own.
        int[] lengths = [1, 2, 3, 4, 5, 10, 11, 12, 13, 59, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 127, 128, 129, 130, 191, 192, 193,
            255, 256, 257, 258, 1000, 1023, 1024, 1025, 1026, 65_535, 65_536, 65_537, 140_000];
        foreach (var length in lengths)
            Literal(length);
        foreach (var length in lengths)
        {
            foreach (var distance in (int[])[1, 2, 63, 64, 2046, 2047, 2048, 2049, 32_767, 32_768, 65_534, 65_535, 65_536, 100_000])
            {
                Copy(distance, length);
                Literal(random.Next(3)); // copies follow each other, too
            }
        }
        Assert.Equal(message, elements.End().Decompress());
    }

    [Fact]
    public void Pieces_in_any_order()
    {
        for (var request = 0; request < 30; request++)
        {
            message.Clear();
            elements.Begin(WriteVersion.One);
            Literal(1 + random.Next(300));
            var distance = 1;
            for (var i = random.Next(3000); i >= 0; i--)
            {
                if (random.Next(3) == 0)
                    distance = 1 + random.Next(random.Next(2) == 0 ? Math.Min(message.Count, 3000) : message.Count);
                if (random.Next(4) == 0)
                    Literal(random.Next(random.Next(50) == 0 ? 3000 : 30));
                else
                    Copy(Math.Min(distance, message.Count), random.Next(random.Next(20) == 0 ? 300 : 40));
            }
            var ended = elements.End();
            Assert.Equal(message, ended.Decompress());
            ended.Release();
        }
    }

    [Theory]
    [InlineData(4, 10, 2)]
    [InlineData(11, 2047, 2)]
    [InlineData(11, 2048, 3)]
    [InlineData(64, 3000, 3)]
    [InlineData(65, 3000, 6)] // 60 and 5: what is left of a copy is never too short for one
    [InlineData(128, 3000, 6)]
    public void A_copy_takes_few_bytes(int length, int distance, int expected)
    {
        Assert.Equal(expected, Length(length) - Length(0));

        long Length(int copied)
        {
            message.Clear();
            elements.Begin(WriteVersion.One);
            for (var i = 0; i < 4; i++)
                Literal(1000);
            Copy(distance, copied);
            return elements.End().Length;
        }
    }

    private void Literal(int length)
    {
        var bytes = new byte[length];
        random.NextBytes(bytes);
        elements.Literal(bytes);
        message.AddRange(bytes);
    }

    /// <summary>A copy as an encoder asks for it: the bytes that stand so far before, which may reach into the copy itself.</summary>
    private void Copy(int distance, int length)
    {
        var bytes = Before(distance, length);
        elements.Copy(distance, bytes);
        message.AddRange(bytes);
    }

    private byte[] Before(int distance, int length)
    {
        var bytes = new byte[length];
        for (var i = 0; i < length; i++)
            bytes[i] = i < distance ? message[message.Count - distance + i] : bytes[i - distance];
        return bytes;
    }
}
