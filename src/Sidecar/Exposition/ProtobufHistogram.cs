using System.Buffers.Binary;

namespace Sidecar.Exposition;

/// <summary>Reads the client model's <c>Histogram</c> message; its classic buckets are read one by one as they are sent.</summary>
internal sealed class ProtobufHistogram
{
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
        var fields = new ProtobufFields(bytes, start, end);
        while (fields.Next())
        {
            var buckets = fields.Number < 12 ? Native.Negative : Native.Positive;
            switch (fields.Number)
            {
                case 1:
                    Native.Count = fields.TakeVarint();
                    break;
                case 2:
                    Native.Sum = fields.TakeDouble();
                    break;
                case 3:
                    HasBuckets = fields.TryTakeMessage(out _);
                    break;
                case 4:
                    Native.CountFloat = fields.TakeDouble();
                    break;
                case 5:
                    Native.Schema = (int)ProtobufFields.ZigZag(fields.TakeVarint());
                    break;
                case 6:
                    Native.ZeroThreshold = fields.TakeDouble();
                    break;
                case 7:
                    Native.ZeroCount = fields.TakeVarint();
                    break;
                case 8:
                    Native.ZeroCountFloat = fields.TakeDouble();
                    break;
                case 16:
                    HasExemplars = fields.TryTakeMessage(out _);
                    break;
                case 15 when fields.TryTakeTimestamp(out var created):
                    Created = created;
                    break;
                case 15:
                case 9 or 12 when !TryReadSpan(buckets, ref fields):
                case 10 or 13 when !TryReadDeltas(buckets, ref fields):
                case 11 or 14 when !TryReadCounts(buckets, ref fields):
                    fields.Break();
                    break;
            }
        }
        Native.IsFloat = Native.CountFloat > 0 || Native.ZeroCountFloat > 0;
        return !fields.IsBroken;
    }

    /// <summary><c>BucketSpan { sint32 offset = 1; uint32 length = 2; }</c>.</summary>
    private static bool TryReadSpan(NativeBuckets buckets, ref ProtobufFields field)
    {
        var offset = 0;
        uint length = 0;
        if (!field.TryTakeMessage(out var fields))
            return false;
        while (fields.Next())
        {
            if (fields.Number == 1)
                offset = (int)ProtobufFields.ZigZag((uint)fields.TakeVarint());
            else if (fields.Number == 2)
                length = (uint)fields.TakeVarint();
        }
        return !fields.IsBroken && buckets.TryAddSpan(new BucketSpan(offset, length));
    }

    /// <summary><c>repeated sint64</c>, packed or not.</summary>
    private static bool TryReadDeltas(NativeBuckets buckets, ref ProtobufFields field)
    {
        if (!field.HasContent)
            return buckets.TryAddDelta(ProtobufFields.ZigZag(field.TakeVarint()));
        for (var packed = field.Content; !packed.IsEmpty;)
        {
            var length = ProtobufFields.ReadVarint(packed, out var value);
            if (length == 0 || !buckets.TryAddDelta(ProtobufFields.ZigZag(value)))
                return false;
            packed = packed[length..];
        }
        return true;
    }

    /// <summary><c>repeated double</c>, packed or not.</summary>
    private static bool TryReadCounts(NativeBuckets buckets, ref ProtobufFields field)
    {
        if (!field.HasContent)
            return buckets.TryAddCount(field.TakeDouble());
        for (var packed = field.Content; !packed.IsEmpty; packed = packed[sizeof(double)..])
        {
            if (packed.Length < sizeof(double) || !buckets.TryAddCount(BinaryPrimitives.ReadDoubleLittleEndian(packed)))
                return false;
        }
        return true;
    }
}
