using System.Text;
using System.Text.Json;
using Sidecar.Discovery;
using Sidecar.Primitives;

namespace Sidecar.Tests.Discovery;

/// <summary>A list read as discovery reads it, in blocks of any size.</summary>
internal static class ListText
{
    /// <summary>Kind, metadata and items, as far as they are there.</summary>
    public static List<(string Field, string Text)> Parts(byte[] json, int block, out JsonPieces pieces)
    {
        var parts = new List<(string, string)>();
        pieces = new JsonPieces(isList: true);
        foreach (var piece in Pieces(pieces, json, block))
            parts.Add((pieces.Field, piece));
        return parts;
    }

    public static IEnumerable<string> Pieces(JsonPieces pieces, byte[] json, int block)
    {
        for (var at = 0; at < json.Length;)
        {
            var room = pieces.Room().Span;
            var count = Math.Min(Math.Min(block, room.Length), json.Length - at);
            json.AsSpan(at, count).CopyTo(room);
            pieces.Filled(count);
            at += count;
            while (pieces.TryNext(out var piece))
                yield return Encoding.UTF8.GetString(piece.Span);
        }
    }

    /// <summary>How many events a watch brings, and half an event one more; the exceptions are those of discovery.</summary>
    public static int Events(byte[] json, int block = int.MaxValue)
    {
        var pieces = new JsonPieces(isList: false);
        var count = 0;
        foreach (var piece in Pieces(pieces, json, block))
        {
            WatchEvent.Read(Encoding.UTF8.GetBytes(piece));
            count++;
        }
        return pieces.IsWhole ? count : count + 1;
    }

    /// <summary>The label sets of a list of slices; the exceptions are those of discovery.</summary>
    public static List<Dictionary<string, string>> Slices(byte[] json, int block = int.MaxValue)
    {
        var found = new List<Dictionary<string, string>>();
        var parts = Parts(json, block, out var pieces);
        foreach (var (field, text) in parts)
        {
            if (field == "items")
                found.AddRange(Labels(ObjectKind.EndpointSlice, Encoding.UTF8.GetBytes(text)));
        }
        return pieces.IsWhole ? found : throw new JsonException();
    }

    /// <summary>The label sets of one object, all its ports wanted; the exceptions are those of discovery.</summary>
    public static List<Dictionary<string, string>> Labels(ObjectKind kind, byte[] json) => JsonFields.Read(json, item =>
        EndpointLabels.Of(kind, item, ObjectMeta.Of(item), service: null, wantsPort: _ => true));
}
