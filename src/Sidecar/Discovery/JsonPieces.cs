using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>Cuts streamed JSON into watch events or list items, one at a time, so that memory does not grow with the cluster.</summary>
/// <param name="isList">One object with <c>items</c>; otherwise values one after another without end (a watch).</param>
internal sealed class JsonPieces(bool isList)
{
    /// <summary>Most bytes of one value: an object in etcd has at most 1.5 MiB, and its JSON a few times that.</summary>
    private const int Largest = 8 * 1024 * 1024;

    /// <summary>Most bytes of one text or number within. Annotations, which are the longest, have 256 KiB together.</summary>
    private const int LargestText = 1024 * 1024;

    /// <summary>Most characters of a field's name in a message.</summary>
    private const int LongestName = 50;

    private const int Usual = 16 * 1024;

    private byte[] buffer = new byte[Usual];
    private JsonReaderState state = new(new JsonReaderOptions { MaxDepth = 256, AllowMultipleValues = !isList });
    private int scanned; // the reader has seen what is before
    private int filled;
    private int start = -1; // of the piece that is not yet whole
    private int startDepth;
    private bool isEnded;

    /// <summary>Of a list: whose value the piece is that <see cref="TryNext"/> gave, or an item of it.</summary>
    public string Field { get; private set; } = "";

    /// <summary>The list had items, even if none of them or null.</summary>
    public bool HasItems { get; private set; }

    /// <summary>Nothing is cut: the list is whole, or the watch stands between two events.</summary>
    public bool IsWhole => isList ? isEnded : start < 0;

    /// <summary>Where the next bytes go. Pieces given before are gone.</summary>
    /// <exception cref="FormatException">A value is too large.</exception>
    public Memory<byte> Room()
    {
        if (filled - scanned > LargestText) // of what is not yet whole
            throw new FormatException($"a text or number in {Place()} has more than {LargestText >> 20} MiB");
        var keep = start >= 0 ? start : scanned;
        var kept = buffer.AsSpan(keep, filled - keep);
        if (kept.Length == buffer.Length || (buffer.Length > 4 * Usual && kept.Length < Usual))
        {
            if (kept.Length >= Largest)
                throw new FormatException($"an object has more than {Largest >> 20} MiB; {Place()} is a part of it");
            var other = new byte[kept.Length < Usual ? Usual : kept.Length * 2];
            kept.CopyTo(other);
            buffer = other;
        }
        else
            kept.CopyTo(buffer);
        scanned -= keep;
        filled -= keep;
        start = start >= 0 ? 0 : -1;
        return buffer.AsMemory(filled);
    }

    public void Filled(int count) => filled += count;

    /// <summary>The next piece, good until the next call of <see cref="Room"/>; false where more bytes are needed.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    /// <exception cref="FormatException">It is no list.</exception>
    public bool TryNext(out ReadOnlyMemory<byte> piece)
    {
        var reader = new Utf8JsonReader(buffer.AsSpan(scanned, filled - scanned), isFinalBlock: false, state);
        var isPiece = false;
        while (!isPiece && reader.Read())
            isPiece = Step(ref reader);
        state = reader.CurrentState;
        scanned += (int)reader.BytesConsumed;
        piece = isPiece ? buffer.AsMemory(start, scanned - start) : default;
        if (isPiece)
            start = -1;
        return isPiece;
    }

    /// <summary>One token; true where it ends a piece.</summary>
    private bool Step(ref Utf8JsonReader reader)
    {
        var token = reader.TokenType;
        var depth = reader.CurrentDepth;
        if (start >= 0)
            return depth == startDepth && token is (JsonTokenType.EndObject or JsonTokenType.EndArray);
        if (isList && !IsWanted(ref reader, token, depth))
            return false;
        start = scanned + (int)reader.TokenStartIndex;
        startDepth = depth;
        return token is not (JsonTokenType.StartObject or JsonTokenType.StartArray);
    }

    /// <summary>Follows a list's outer fields; true at the first token of a value that is a piece.</summary>
    private bool IsWanted(ref Utf8JsonReader reader, JsonTokenType token, int depth)
    {
        switch (depth)
        {
            case 0:
                if (token is not (JsonTokenType.StartObject or JsonTokenType.EndObject))
                    throw new FormatException("it is not an object");
                isEnded = token == JsonTokenType.EndObject;
                return false;
            case 1 when token == JsonTokenType.PropertyName:
                Field = Shown(reader.ValueSpan);
                return false;
            case 1 when Field == "items":
                HasItems = true;
                return token is JsonTokenType.StartArray or JsonTokenType.EndArray or JsonTokenType.Null
                    ? false : throw new FormatException("items is not a list");
            case 1:
                return Field is "kind" or "metadata";
            default:
                return depth == 2 && Field == "items";
        }
    }

    /// <summary>The field that the reader has come to, for people.</summary>
    private string Place()
    {
        var name = Field;
        if (start >= 0)
        {
            var reader = new Utf8JsonReader(buffer.AsSpan(start, scanned - start), isFinalBlock: false, new(new() { MaxDepth = 256 }));
            while (reader.Read())
                name = reader.TokenType == JsonTokenType.PropertyName ? Shown(reader.ValueSpan) : name;
        }
        return name.Length > 0 ? $"the field {name}" : "a value without a name";
    }

    private static string Shown(ReadOnlySpan<byte> name) => Encoding.UTF8.GetString(name[..Math.Min(name.Length, LongestName)]);
}
