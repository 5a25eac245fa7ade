using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.CompilerServices;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// Writes series of one sample each into one request after another. In remote write 1.0 that is
/// <c>WriteRequest { repeated TimeSeries timeseries = 1; }</c> with
/// <c>TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms
/// = 4; }</c>; in 2.0 <c>Request { repeated string symbols = 4; repeated TimeSeries timeseries = 5; }</c>, whose series have
/// <c>repeated uint32 labels_refs = 1</c> instead and the rest as <see cref="SeriesMessage"/> says. Reused; nothing is allocated for a
/// sample.
/// </summary>
internal sealed class RequestBuilder(int samplesPerRequest)
{
    public const byte FirstTag = 1 << 3 | 2;

    public const byte SecondTag = 5 << 3 | 2;

    private const byte RefsTag = 1 << 3 | 2;
    private const byte SamplesTag = 2 << 3 | 2; // in both
    private const byte ValueTag = 1 << 3 | 1;
    private const byte TimestampTag = 2 << 3;

    /// <summary>Bytes of the buffer. When it is full, the last series moves to its beginning.</summary>
    private const int BufferSize = 16 * 1024;

    /// <summary>A request ends at this size before compression, bytes, whatever the number of its samples.</summary>
    private const int LargestRequest = 4 * 1024 * 1024;

    /// <summary>A request ends after so many bytes of symbols. A usual request of 2,000 series has a tenth of a megabyte.</summary>
    private const int MostSymbols = 256 * 1024;

    private readonly SeriesMessage message = new(); // of what is not a plain sample
    private readonly SnappyElements elements = new();
    private readonly LabelPlaces places = new(); // of 1.0
    private byte[] buffer = new byte[BufferSize]; // the series that was written last, and the one that is being made
    private int[] ends = new int[32]; // of each label of the series that was written last, from the first one's start
    private int[] endsBefore = new int[32]; // of the labels that differ: where they ended in the series before
    private int lastCount; // labels of the series that was written last
    private Place last; // of the series that was written last; nowhere where there is none in this request
    private Change change; // of the labels of the series that is being made, against that one's
    private int moved;      // bytes of the message before the buffer
    private int length;     // of complete series in the buffer
    private int labelsEnd;  // of the series that is being made
    private int histograms; // of the samples in the request that is being made
    private int exemplars;
    private WriteVersion version;

    /// <summary>Where a series stands in the buffer: tag and length, from <c>Labels</c> on labels, from <c>Rest</c> on the rest.</summary>
    private readonly record struct Place(int Start, int Labels, int Rest, int End)
    {
        public bool IsKnown => Labels > 0;
    }

    /// <summary>Labels from one to before another differ; so many bytes before and behind them are those of the series before.</summary>
    private readonly record struct Change(int First, int End, int Before, int Behind);

    public int Samples { get; private set; }

    /// <summary>The request is full and must be taken before the next sample.</summary>
    public bool IsFull { get; private set; }

    /// <summary>For what stands in front of a series: its tag and length, and in 2.0 those of its labels. Nearly all need this.</summary>
    private int Room => version == WriteVersion.One ? 3 : 4;

    /// <summary>Requests are of this version from here on; what was not taken is dropped.</summary>
    public void Begin(WriteVersion version)
    {
        this.version = version;
        Drop();
        if (buffer.Length > BufferSize)
            buffer = new byte[BufferSize];
    }

    /// <summary>Adds a series and its sample, with all that it brings.</summary>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    public void Add(SeriesLabels labels, Sample sample, long timestamp)
    {
        var end = WriteLabels(labels);
        if (sample.HasHistogram || sample.ExemplarCount > 0 || sample.StartTimestamp != 0)
        {
            end = Append(end, message.WriteRest(version, sample, timestamp));
            histograms += sample.HasHistogram ? 1 : 0;
            exemplars += sample.ExemplarCount;
        }
        else
            end = WriteSample(end, sample.Value, timestamp);
        if (version == WriteVersion.Two)
            end = Append(end, message.Metadata(sample.Family));
        Frame(labels, end);
    }

    /// <summary>Adds a series and a sample that has nothing but its value.</summary>
    /// <inheritdoc cref="Add(SeriesLabels, Sample, long)"/>
    public void Add(SeriesLabels labels, double value, long timestamp) =>
        Frame(labels, WriteSample(WriteLabels(labels), value, timestamp));

    /// <summary>Ends the request, and begins the next one. Null when there is nothing.</summary>
    public EncodedRequest? Take()
    {
        if (Samples == 0)
            return null;
        var taken = elements.End();
        if (version == WriteVersion.Two)
            taken = EncodedRequest.Compress(version, message.Symbols.Field).Join(taken);
        (taken.Samples, taken.Histograms, taken.Exemplars) = (Samples, histograms, exemplars);
        Drop();
        return taken;
    }

    /// <summary>Begins the next request without having made this one.</summary>
    public void Drop()
    {
        elements.Begin(version);
        moved = length = lastCount = Samples = histograms = exemplars = 0;
        last = default;
        IsFull = false;
        places.Clear();
        message.Clear();
    }

    /// <summary>Writes labels; those shared with the series written before are copied from there.</summary>
    /// <returns>Where they end.</returns>
    private int WriteLabels(SeriesLabels labels)
    {
        var start = length + Room;
        var count = labels.Count;
        if (ends.Length < count)
            (ends, endsBefore, last, lastCount) = (new int[count], new int[count], default, 0);
        var isShared = labels.TryGetChanged(out var first, out var end) && last.IsKnown;
        if (!isShared)
            (first, end) = (0, count);
        var at = first == 0 ? 0 : ends[first - 1];
        Reserve(start + at + labels.FixedSize);
        if (at > 0)
            buffer.AsSpan(last.Labels, at).CopyTo(buffer.AsSpan(start));
        var (behind, all) = isShared && end > 0 ? (ends[end - 1], ends[count - 1]) : isShared ? (0, ends[count - 1]) : (0, 0);
        change = new(first, end, at, all - behind);
        for (var i = first; i < end; i++)
        {
            at = (version == WriteVersion.One ? WriteMessage(labels, i, start + at) : WriteReferences(labels, i, start + at)) - start;
            (endsBefore[i], ends[i]) = (ends[i], at);
        }
        if (behind < all)
        {
            Reserve(start + at + all - behind);
            buffer.AsSpan(last.Labels + behind, all - behind).CopyTo(buffer.AsSpan(start + at));
            for (var i = end; i < count && at != behind; i++)
                ends[i] += at - behind;
            at += all - behind;
        }
        return labelsEnd = start + at;
    }

    /// <summary>1.0: <c>Label { string name = 1; string value = 2; }</c>.</summary>
    private int WriteMessage(SeriesLabels labels, int index, int at)
    {
        if (labels.NameField(index) is not { } nameField)
            return Append(at, labels.Fixed(index)!.Message.AsSpan());
        var value = labels.Value(index);
        Reserve(at + value.Length + labels.FixedSize);
        var to = buffer.AsSpan(at);
        to[0] = LabelMessage.LabelsTag;
        var size = nameField.Length + 2 + value.Length;
        if (size < 128) // so that both lengths are bytes, as nearly always
        {
            to[1] = (byte)size;
            nameField.CopyTo(to[2..]);
            to = to.Slice(2 + nameField.Length, 2 + value.Length);
            to[0] = LabelMessage.ValueTag;
            to[1] = (byte)value.Length;
            value.CopyTo(to[2..]);
            return at + 2 + size;
        }
        var offset = 1 + LabelMessage.WriteVarint(
            to[1..], (uint)(nameField.Length + 1 + LabelMessage.VarintSize((uint)value.Length) + value.Length));
        nameField.CopyTo(to[offset..]);
        offset += nameField.Length;
        to[offset++] = LabelMessage.ValueTag;
        offset += LabelMessage.WriteVarint(to[offset..], (uint)value.Length);
        value.CopyTo(to[offset..]);
        return at + offset + value.Length;
    }

    /// <summary>2.0: the references of name and value, within the packed field.</summary>
    private int WriteReferences(SeriesLabels labels, int index, int at)
    {
        Reserve(at + 10);
        var (name, value) = message.Symbols.Label(labels, index);
        at += LabelMessage.WriteVarint(buffer.AsSpan(at), name);
        return at + LabelMessage.WriteVarint(buffer.AsSpan(at), value);
    }

    /// <summary><c>Sample { double value = 1; int64 timestamp = 2; }</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int WriteSample(int start, double value, long timestamp)
    {
        Reserve(start + 32);
        var to = buffer.AsSpan(start);
        to[0] = SamplesTag;
        var at = 2;
        var bits = BitConverter.DoubleToUInt64Bits(value);
        if (bits != 0) // proto3 leaves defaults out; minus zero is none
        {
            to[at] = ValueTag;
            BinaryPrimitives.WriteUInt64LittleEndian(to[(at + 1)..], bits);
            at += 9;
        }
        if (timestamp != 0)
        {
            to[at++] = TimestampTag;
            at += LabelMessage.WriteVarint(to[at..], (ulong)timestamp);
        }
        to[1] = (byte)(at - 2);
        return start + at;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Append(int at, ReadOnlySpan<byte> bytes)
    {
        Reserve(at + bytes.Length);
        bytes.CopyTo(buffer.AsSpan(at));
        return at + bytes.Length;
    }

    /// <summary>Puts tags and lengths in front of the series that ends there. It is moved where they are not as long as usual.</summary>
    private void Frame(SeriesLabels labels, int end)
    {
        var start = length + Room;
        var references = version == WriteVersion.One ? 0 : labelsEnd - start;
        var body = end - start + (references == 0 ? 0 : 1 + LabelMessage.VarintSize((uint)references));
        var header = 1 + LabelMessage.VarintSize((uint)body) + body - (end - start);
        if (header != Room)
        {
            Reserve(length + header + end - start);
            buffer.AsSpan(start, end - start).CopyTo(buffer.AsSpan(length + header));
        }
        var at = length;
        buffer[at++] = version == WriteVersion.One ? FirstTag : SecondTag;
        at += LabelMessage.WriteVarint(buffer.AsSpan(at), (uint)body);
        if (references > 0)
        {
            buffer[at++] = RefsTag;
            at += LabelMessage.WriteVarint(buffer.AsSpan(at), (uint)references);
        }
        var now = new Place(length, at, at + labelsEnd - start, at + end - start);
        Compress(labels, now);
        (last, length, lastCount) = (now, now.End, labels.Count);
        labels.MarkWritten(isWritten: true);
        Samples++;
        if (length >= BufferSize / 2)
            MoveLast();
        IsFull = Samples >= samplesPerRequest || moved + length >= LargestRequest || message.Symbols.Size >= MostSymbols;
    }

    /// <summary>
    /// Gives the series to the request. In 1.0 a series has some 230 bytes, nearly all of which the one before has: they are written as
    /// copies, for which a compressor would have to search. In 2.0 there is less to gain, and IronSnappy gets the whole.
    /// </summary>
    private void Compress(SeriesLabels labels, in Place now)
    {
        if (version == WriteVersion.Two)
        {
            elements.Literal(buffer.AsSpan(now.Start..now.End));
            return;
        }
        var header = buffer.AsSpan(now.Start..now.Labels);
        if (now.End - now.Labels == last.End - last.Labels)
            elements.Copy(now.Start - last.Start, header);
        else
            elements.Literal(header);
        elements.Copy(now.Labels - last.Labels, buffer.AsSpan(now.Labels, change.Before));
        CompressChanged(labels, now.Labels);
        elements.Copy(now.Rest - last.Rest, buffer.AsSpan(now.Rest - change.Behind, change.Behind));
        CompressLike(now.Rest, now.End, last.Rest, last.End);
    }

    /// <summary>The labels that are not known to be the same: each beside the one in its place in the series before.</summary>
    private void CompressChanged(SeriesLabels labels, int at)
    {
        var (end, lastEnd) = (change.Before, change.Before);
        for (var i = change.First; i < change.End; i++)
        {
            var (start, lastStart) = (end, lastEnd);
            end = ends[i];
            lastEnd = i < lastCount ? endsBefore[i] : lastStart;
            var bytes = buffer.AsSpan(at + start, end - start);
            var before = places.Move(labels.HashOf(i), moved + at + start, bytes.Length);
            if (before >= 0)
                elements.Copy(moved + at + start - before, bytes);
            else
                CompressLike(at + start, at + end, last.Labels + lastStart, last.Labels + lastEnd);
        }
    }

    /// <summary>Both may begin and end alike.</summary>
    private void CompressLike(int start, int end, int lastStart, int lastEnd)
    {
        var bytes = buffer.AsSpan(start..end);
        var others = buffer.AsSpan(lastStart..lastEnd);
        var before = CommonPrefixLength(bytes, others);
        elements.Copy(start - lastStart, bytes[..before]);
        if (before == bytes.Length)
            return;
        var behind = CommonSuffixLength(bytes[before..], others[before..]);
        elements.Literal(bytes[before..^behind]);
        elements.Copy(end - lastEnd, bytes[^behind..]);
    }

    // Both are for some ten bytes, for which a call of the base library's costs more than it saves.
    private static int CommonPrefixLength(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var length = 0;
        var most = Math.Min(one.Length, other.Length);
        for (; most - length >= sizeof(ulong); length += sizeof(ulong))
        {
            var difference = BinaryPrimitives.ReadUInt64LittleEndian(one[length..])
                ^ BinaryPrimitives.ReadUInt64LittleEndian(other[length..]);
            if (difference != 0)
                return length + BitOperations.TrailingZeroCount(difference) / 8;
        }
        while (length < most && one[length] == other[length])
            length++;
        return length;
    }

    private static int CommonSuffixLength(ReadOnlySpan<byte> one, ReadOnlySpan<byte> other)
    {
        var length = 0;
        var most = Math.Min(one.Length, other.Length);
        for (; most - length >= sizeof(ulong); length += sizeof(ulong))
        {
            var difference = BinaryPrimitives.ReadUInt64LittleEndian(one[^(length + sizeof(ulong))..])
                ^ BinaryPrimitives.ReadUInt64LittleEndian(other[^(length + sizeof(ulong))..]);
            if (difference != 0)
                return length + BitOperations.LeadingZeroCount(difference) / 8;
        }
        while (length < most && one[^(length + 1)] == other[^(length + 1)])
            length++;
        return length;
    }

    /// <summary>Moves the last series to the beginning of the buffer.</summary>
    private void MoveLast()
    {
        var by = last.Start;
        buffer.AsSpan(by..length).CopyTo(buffer);
        last = new(0, last.Labels - by, last.Rest - by, last.End - by);
        length -= by;
        moved += by;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int size)
    {
        if (size > buffer.Length)
            Grow(size);
    }

    private void Grow(int size) => Array.Resize(ref buffer, Math.Max(size, buffer.Length * 2));
}
