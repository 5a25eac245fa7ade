using IronSnappy;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>A compressed write request ready to post: snappy of a 1.0 WriteRequest or a 2.0 Request. Its last holder releases it.</summary>
/// <remarks>
/// A snappy block is the length of the whole as a varint and then elements; encoders compress each 64 KiB by itself, so that no copy
/// reaches across. So the parts are compressed one by one and put behind each other without their own lengths: the bytes are the same, and
/// no buffer of the whole is needed (format_description.txt of google/snappy).
/// </remarks>
internal sealed class EncodedRequest(WriteVersion version)
{
    /// <summary>Bytes of a part: what snappy compresses by itself.</summary>
    public const int PartSize = 64 * 1024;

    private readonly CompressedBody elements = new();
    private int messageLength;

    public WriteVersion Version => version;

    /// <summary>Samples in it, staleness markers and native histograms included: as many as series.</summary>
    public int Samples { get; set; }

    /// <summary>Of the samples, those that are native histograms.</summary>
    public int Histograms { get; set; }

    public int Exemplars { get; set; }

    /// <summary>Entries of metadata: then there are no samples.</summary>
    public int Metadata { get; set; }

    public long Length => LabelMessage.VarintSize((ulong)messageLength) + elements.Length;

    /// <summary>What it holds in memory, in bytes.</summary>
    public long Capacity => elements.Capacity;

    /// <param name="message">Protobuf, of the kind of the version.</param>
    public static EncodedRequest Compress(WriteVersion version, ReadOnlySpan<byte> message)
    {
        var request = new EncodedRequest(version);
        for (; !message.IsEmpty; message = message[Math.Min(PartSize, message.Length)..])
            request.Append(message[..Math.Min(PartSize, message.Length)]);
        return request;
    }

    /// <summary>This message with another one's fields behind its own; the other is released.</summary>
    public EncodedRequest Join(EncodedRequest other)
    {
        foreach (var piece in other.elements.Pieces())
            elements.Append(piece.Span);
        messageLength += other.messageLength;
        other.Release();
        return this;
    }

    /// <summary>Adds the next part of the message, of at most <see cref="PartSize"/>.</summary>
    public void Append(ReadOnlySpan<byte> part)
    {
        var compressed = Snappy.Encode(part);
        elements.Append(compressed.AsSpan(LabelMessage.VarintSize((ulong)part.Length)));
        messageLength += part.Length;
    }

    /// <summary>The bytes to be posted, piece by piece.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Pieces()
    {
        var header = new byte[LabelMessage.VarintSize((ulong)messageLength)];
        LabelMessage.WriteVarint(header, (ulong)messageLength);
        yield return header;
        foreach (var piece in elements.Pieces())
            yield return piece;
    }

    /// <summary>The message as protobuf.</summary>
    public byte[] Decompress() => Snappy.Decode(Pieces().SelectMany(b => b.ToArray()).ToArray());

    public void Release() => elements.Release();
}
