namespace Sidecar.Tests.Fuzzing;

/// <summary>
/// Makes inputs out of good ones: a few bytes flipped, parts cut, doubled, moved, mixed with others. The same seed, the same inputs.
/// </summary>
internal sealed class Mutator(int seed, byte[][] seeds)
{
    private static readonly byte[] Odd = [0, 9, 10, 13, 32, 34, 35, 44, 47, 58, 61, 91, 92, 93, 123, 125, 127, 128, 0xc3, 0xff];

    private readonly Random random = new(seed);

    public byte[] Next()
    {
        var bytes = Seed().ToList();
        for (var changes = random.Next(1, 6); changes > 0; changes--)
            Change(bytes);
        return [.. bytes];
    }

    /// <summary>A number from 0 to below <paramref name="most"/>, for what the harness decides by chance.</summary>
    public int Next(int most) => random.Next(most);

    private byte[] Seed() => seeds[random.Next(seeds.Length)];

    private void Change(List<byte> bytes)
    {
        var at = random.Next(bytes.Count + 1);
        var count = Math.Min(random.Next(1, 40), bytes.Count - at);
        switch (random.Next(8))
        {
            case 0 when at < bytes.Count:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
            case 1 when at < bytes.Count:
                bytes[at] = Odd[random.Next(Odd.Length)];
                break;
            case 2:
                bytes.Insert(at, Odd[random.Next(Odd.Length)]);
                break;
            case 3:
                bytes.RemoveRange(at, count);
                break;
            case 4:
                bytes.InsertRange(random.Next(bytes.Count + 1), bytes.GetRange(at, count));
                break;
            case 5:
                var other = Seed();
                var from = random.Next(other.Length + 1);
                bytes.InsertRange(at, other[from..Math.Min(other.Length, from + random.Next(1, 80))]);
                break;
            case 6:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            default:
                bytes.InsertRange(at, Enumerable.Repeat(Odd[random.Next(Odd.Length)], random.Next(1, 300)));
                break;
        }
    }
}
