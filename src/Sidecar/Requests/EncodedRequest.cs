using IronSnappy;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>A compressed write request ready to post: snappy of a 1.0 WriteRequest or a 2.0 Request. Its last holder releases it.</summary>
/// <remarks>
/// A snappy block is the length of the whole as a varint and then elements (format_description.txt of google/snappy). So what is compressed
/// by itself can be put behind other elements without its own length, and no buffer of the whole is needed.
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
            request.AppendMessage(message[..Math.Min(PartSize, message.Length)]);
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

    /// <summary>Compresses the next part of the message, of at most <see cref="PartSize"/>.</summary>
    public void AppendMessage(ReadOnlySpan<byte> part) =>
        AppendElements(Snappy.Encode(part).AsSpan(LabelMessage.VarintSize((ulong)part.Length)), part.Length);

    /// <summary>Adds elements of snappy.</summary>
    /// <param name="length">Bytes of the message that they stand for.</param>
    public void AppendElements(ReadOnlySpan<byte> encoded, int length)
    {
        elements.Append(encoded);
        messageLength += length;
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
