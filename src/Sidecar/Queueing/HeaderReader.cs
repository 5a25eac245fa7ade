using System.Buffers.Binary;

namespace Sidecar.Queueing;

/// <summary>Reads header fields as <see cref="BinaryWriter"/> writes them. Never throws: see <see cref="IsWrong"/>.</summary>
internal ref struct HeaderReader(ReadOnlySpan<byte> bytes)
{
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private ReadOnlySpan<byte> rest = bytes;

    public bool IsWrong { get; private set; }

    /// <summary>Nothing is left, and nothing was wrong.</summary>
    public readonly bool IsAtEnd => !IsWrong && rest.IsEmpty;

    public readonly bool HasMore => !IsWrong && !rest.IsEmpty;

    public void Check(bool isRight) => IsWrong |= !isRight;

    public byte ReadByte()
    {
        var field = Take(1);
        return field.IsEmpty ? (byte)0 : field[0];
    }

    public bool ReadBoolean()
    {
        var value = ReadByte();
        Check(value <= 1);
        return value == 1;
    }

    public int ReadInt32(int least, int most = int.MaxValue)
    {
        var field = Take(4);
        var value = field.IsEmpty ? 0 : BinaryPrimitives.ReadInt32LittleEndian(field);
        Check(value >= least && value <= most);
        return value;
    }

    public long ReadInt64(long least, long most = long.MaxValue)
    {
        var field = Take(8);
        var value = field.IsEmpty ? 0 : BinaryPrimitives.ReadInt64LittleEndian(field);
        Check(value >= least && value <= most);
        return value;
    }

    public double ReadDouble() => BitConverter.Int64BitsToDouble(ReadInt64(long.MinValue));

    /// <summary>UTF-8 behind its length, which is written seven bits a byte, the lowest first.</summary>
    public string ReadString()
    {
        var length = 0L;
        for (var shift = 0; ; shift += 7)
        {
            var part = ReadByte();
            length |= (long)(part & 0x7f) << shift;
            if (part < 0x80)
                break;
            Check(shift < 28);
            if (IsWrong)
                return "";
        }
        Check(length <= rest.Length);
        if (IsWrong)
            return "";
        try
        {
            return Utf8.GetString(Take((int)length));
        }
        catch (ArgumentException)
        {
            IsWrong = true;
            return "";
        }
    }

    /// <summary>A count, then names and values; each name once and none of them empty.</summary>
    public ImmutableArray<KeyValuePair<string, string>> ReadLabels()
    {
        var count = ReadInt32(0, rest.Length / 2); // a label takes two bytes at least
        if (IsWrong)
            return [];
        var labels = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>(count);
        var names = new HashSet<string>(count);
        for (var i = 0; i < count && !IsWrong; i++)
        {
            var name = ReadString();
            Check(name.Length > 0 && names.Add(name));
            labels.Add(KeyValuePair.Create(name, ReadString()));
        }
        return labels.ToImmutable();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (IsWrong || rest.Length < count)
        {
            IsWrong = true;
            return [];
        }
        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}
