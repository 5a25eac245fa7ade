namespace Sidecar.Exposition;

/// <summary>Reads the client model's <c>Histogram</c> message; its classic buckets are read one by one as they are sent.</summary>
internal sealed class ProtobufHistogram
{
    public const uint BucketField = 3 << 3 | ProtobufFields.Bytes;
    public const uint ExemplarField = 16 << 3 | ProtobufFields.Bytes;

    public NativeHistogram Native { get; } = new();

    /// <summary>Of all observations, whichever of the two fields has it.</summary>
    public double Count => Native.CountFloat != 0 ? Native.CountFloat : Native.Count;

    /// <summary>Milliseconds since the Unix epoch; 0 for unknown.</summary>
    public long Created { get; private set; }

    public bool HasExemplars { get; private set; }
    public bool HasBuckets { get; private set; }

    /// <summary>Any part that only native histograms have; one without observations has an empty run of buckets to show it.</summary>
    public bool IsNative =>
        Native.Positive.SpanCount > 0 || Native.Negative.SpanCount > 0 || Native.ZeroThreshold > 0 || Native.ZeroCount > 0;

    public bool TryRead(ReadOnlySpan<byte> bytes, int start, int end)
    {
        Native.Clear();
        Created = 0;
        HasExemplars = HasBuckets = false;
        var isGood = true;
        var fields = new ProtobufFields(bytes, start, end);
        while (isGood && fields.Next())
        {
            switch (fields.Tag)
            {
                case 1 << 3 | ProtobufFields.Varint:
                    Native.Count = fields.Value;
                    break;
                case 2 << 3 | ProtobufFields.Fixed64:
                    Native.Sum = fields.Double;
                    break;
                case BucketField:
                    HasBuckets = true;
                    break;
                case 4 << 3 | ProtobufFields.Fixed64:
                    Native.CountFloat = fields.Double;
                    break;
                case 5 << 3 | ProtobufFields.Varint:
                    Native.Schema = (int)ProtobufFields.ZigZag(fields.Value);
                    break;
                case 6 << 3 | ProtobufFields.Fixed64:
                    Native.ZeroThreshold = fields.Double;
                    break;
                case 7 << 3 | ProtobufFields.Varint:
                    Native.ZeroCount = fields.Value;
                    break;
                case 8 << 3 | ProtobufFields.Fixed64:
                    Native.ZeroCountFloat = fields.Double;
                    break;
                case 9 << 3 | ProtobufFields.Bytes:
                    isGood = TryReadSpan(Native.Negative, bytes, fields.Start, fields.End);
                    break;
                case 12 << 3 | ProtobufFields.Bytes:
                    isGood = TryReadSpan(Native.Positive, bytes, fields.Start, fields.End);
                    break;
                case 15 << 3 | ProtobufFields.Bytes:
                    isGood = TryReadTimestamp(bytes, fields.Start, fields.End, out var created);
                    Created = created;
                    break;
                case ExemplarField:
                    HasExemplars = true;
                    break;
                default:
                    isGood = fields.Number switch
                    {
                        10 => TryReadDeltas(Native.Negative, bytes, ref fields),
                        11 => TryReadCounts(Native.Negative, bytes, ref fields),
                        13 => TryReadDeltas(Native.Positive, bytes, ref fields),
                        14 => TryReadCounts(Native.Positive, bytes, ref fields),
                        _ => fields.Number is 0 or > 16,
                    };
                    break;
            }
        }
        Native.IsFloat = Native.CountFloat > 0 || Native.ZeroCountFloat > 0;
        return isGood && !fields.IsBroken;
    }

    public static bool TryReadTimestamp(ReadOnlySpan<byte> bytes, int start, int end, out long milliseconds)
    {
        milliseconds = 0;
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Varint))
                milliseconds += (long)fields.Value * 1000;
            else if (fields.Tag == (2 << 3 | ProtobufFields.Varint))
                milliseconds += (int)fields.Value / 1_000_000;
            else
                fields.PassOver(known: 0b110);
        }
        return !fields.IsBroken;
    }

    /// <summary><c>BucketSpan { sint32 offset = 1; uint32 length = 2; }</c>.</summary>
    private static bool TryReadSpan(NativeBuckets buckets, ReadOnlySpan<byte> bytes, int start, int end)
    {
        var offset = 0;
        uint length = 0;
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.Next())
        {
            if (fields.Tag == (1 << 3 | ProtobufFields.Varint))
                offset = (int)ProtobufFields.ZigZag((uint)fields.Value);
            else if (fields.Tag == (2 << 3 | ProtobufFields.Varint))
                length = (uint)fields.Value;
            else
                fields.PassOver(known: 0b110);
        }
        return !fields.IsBroken && buckets.TryAddSpan(new BucketSpan(offset, length));
    }

    /// <summary><c>repeated sint64</c>, packed or not.</summary>
    private static bool TryReadDeltas(NativeBuckets buckets, ReadOnlySpan<byte> bytes, ref ProtobufFields field)
    {
        if ((field.Tag & 7) == ProtobufFields.Varint)
            return buckets.TryAddDelta(ProtobufFields.ZigZag(field.Value));
        if ((field.Tag & 7) != ProtobufFields.Bytes)
            return false;
        for (var at = field.Start; at < field.End;)
        {
            var length = ProtobufFields.ReadVarint(bytes[at..field.End], out var value);
            if (length == 0 || !buckets.TryAddDelta(ProtobufFields.ZigZag(value)))
                return false;
            at += length;
        }
        return true;
    }

    /// <summary><c>repeated double</c>, packed or not.</summary>
    private static bool TryReadCounts(NativeBuckets buckets, ReadOnlySpan<byte> bytes, ref ProtobufFields field)
    {
        if ((field.Tag & 7) == ProtobufFields.Fixed64)
            return buckets.TryAddCount(field.Double);
        if ((field.Tag & 7) != ProtobufFields.Bytes || field.Length % sizeof(double) != 0)
            return false;
        for (var at = field.Start; at < field.End; at += sizeof(double))
        {
            if (!buckets.TryAddCount(System.Buffers.Binary.BinaryPrimitives.ReadDoubleLittleEndian(bytes[at..])))
                return false;
        }
        return true;
    }
}
