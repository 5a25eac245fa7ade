using System.IO.Hashing;
using System.Runtime.CompilerServices;

namespace Sidecar.Requests;

/// <summary>The distinct strings of one 2.0 request (<c>symbols = 4</c>), the first empty. Reused without allocating.</summary>
internal sealed class SymbolTable
{
    private const byte SymbolsTag = 4 << 3 | 2;

    /// <summary>Labels that are looked up as a whole; a power of two. Another label in the same place takes it over.</summary>
    private const int KnownLabels = 2048;

    /// <summary>Drawn for each process, so that no target can choose strings that all belong in one place.</summary>
    private static readonly long Seed = Random.Shared.NextInt64();

    private readonly WireBuffer text = new(); // the field, whole
    private (int Start, int Length)[] symbols = new (int, int)[512];
    private ulong[] places = new ulong[2048]; // upper half of the hash, and the symbol's number plus one
    private (ulong Hash, uint Name, uint Value)[]? labels;
    private uint count;

    /// <summary>The field as it stands in the request; nothing before the first symbol was asked for.</summary>
    public ReadOnlySpan<byte> Field => text.Written;

    public int Size => text.Length;

    /// <summary>Work so far: places looked at that were taken.</summary>
    public long Work { get; private set; }

    public void Clear()
    {
        if (count == 0)
            return;
        count = 0;
        text.Shrink(512 * 1024);
        if (places.Length > 16 * 1024)
        {
            places = new ulong[2048];
            symbols = new (int, int)[512];
        }
        Array.Clear(places);
        Array.Clear(labels!);
    }

    /// <summary>The references of the name and value of a series' label.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (uint Name, uint Value) Label(SeriesLabels of, int index)
    {
        var hash = of.HashOf(index);
        // Series are told apart by these hashes, and so are labels.
        if (labels is not null && labels[hash % KnownLabels] is { Value: not 0 } known && known.Hash == hash)
            return (known.Name, known.Value);
        return AddLabel(hash, of.Name(index), of.Value(index));
    }

    private (uint Name, uint Value) AddLabel(ulong hash, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        var added = (Name: Add(name), Value: Add(value));
        labels![hash % KnownLabels] = (hash, added.Name, added.Value);
        return added;
    }

    public uint Add(ReadOnlySpan<byte> value)
    {
        if (count == 0)
        {
            labels ??= new (ulong, uint, uint)[KnownLabels];
            Append([]);
        }
        if (value.IsEmpty)
            return 0;
        var hash = XxHash3.HashToUInt64(value, Seed);
        var mask = (uint)places.Length - 1;
        var place = (uint)hash & mask;
        for (; places[place] != 0; place = (place + 1) & mask)
        {
            Work++;
            var symbol = (uint)places[place] - 1;
            if (places[place] >> 32 == hash >> 32 && Of(symbol).SequenceEqual(value))
                return symbol;
        }
        places[place] = hash >> 32 << 32 | (count + 1);
        Append(value);
        if (count > places.Length / 2)
            Grow();
        return count - 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ReadOnlySpan<byte> Of(uint symbol) => text.Written.Slice(symbols[symbol].Start, symbols[symbol].Length);

    private void Append(ReadOnlySpan<byte> value)
    {
        if (count == symbols.Length)
            Array.Resize(ref symbols, symbols.Length * 2);
        text.WriteRaw(SymbolsTag);
        text.WriteRaw((uint)value.Length);
        symbols[count++] = (text.Length, value.Length);
        text.Append(value);
    }

    private void Grow()
    {
        places = new ulong[places.Length * 2];
        var mask = (uint)places.Length - 1;
        for (uint symbol = 1; symbol < count; symbol++)
        {
            var hash = XxHash3.HashToUInt64(Of(symbol), Seed);
            var place = (uint)hash & mask;
            while (places[place] != 0)
                place = (place + 1) & mask;
            places[place] = hash >> 32 << 32 | (symbol + 1);
        }
    }
}
