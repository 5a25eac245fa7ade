using System.Text;
using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>
/// Walks over JSON once, forward, field by field, without a tree of it. Each value must be taken by one of the methods below or skipped.
/// A null is an absent value, as in Kubernetes; another type than the wanted one is an error.
/// </summary>
/// <param name="json">Whole and in UTF-8; must outlive the walk.</param>
internal ref struct JsonWalk(ReadOnlySpan<byte> json)
{
    private readonly ReadOnlySpan<byte> json = json;
    private Utf8JsonReader reader = new(json, new JsonReaderOptions { MaxDepth = 256 });
    private ReadOnlySpan<byte> field;

    /// <summary>Steps into an object, whose fields then follow; false for null.</summary>
    public bool Object() => Enter(JsonTokenType.StartObject, "an object");

    /// <summary>Steps into a list, whose items then follow; false for null.</summary>
    public bool List() => Enter(JsonTokenType.StartArray, "a list");

    /// <summary>The next field of the object; false at its end.</summary>
    public bool NextField()
    {
        Read();
        if (reader.TokenType == JsonTokenType.EndObject)
            return false;
        field = reader.ValueSpan;
        return true;
    }

    /// <summary>Whether the field at hand has this name.</summary>
    public bool Is(ReadOnlySpan<byte> name) => Is(ref reader, name);

    /// <summary>Whether the text at hand is this one. Its escapes may be no text at all.</summary>
    /// <exception cref="FormatException">They are not.</exception>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text)
    {
        try
        {
            return reader.ValueTextEquals(text);
        }
        catch (InvalidOperationException)
        {
            throw HalfText();
        }
    }

    /// <summary>The name of the field at hand.</summary>
    public readonly string Name() => String();

    /// <summary>The next item of the list; false at its end.</summary>
    public bool NextItem()
    {
        Read();
        return reader.TokenType != JsonTokenType.EndArray;
    }

    public string? Text() => Value() switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.String => String(),
        _ => throw Wrong("a text"),
    };

    public bool? Flag() => Value() switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.True => true,
        JsonTokenType.False => false,
        _ => throw Wrong("true or false"),
    };

    /// <summary>A port.</summary>
    public int? Port() => Value() switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.Number when reader.TryGetInt32(out var number) && number is >= 0 and <= 65535 => number,
        _ => throw Wrong("a port number"),
    };

    public void Skip() => reader.Skip();

    /// <summary>The bytes of the value, skipped.</summary>
    public ReadOnlySpan<byte> Raw()
    {
        Value();
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return json[start..(int)reader.BytesConsumed];
    }

    /// <summary>A whole number.</summary>
    public int? Number() => Value() switch
    {
        JsonTokenType.Null => null,
        JsonTokenType.Number when reader.TryGetInt32(out var number) => number,
        _ => throw Wrong("a number"),
    };

    public static FormatException Error(string what) => new(what);

    private bool Enter(JsonTokenType start, string what)
    {
        var token = Value();
        return token == start || (token == JsonTokenType.Null ? false : throw Wrong(what));
    }

    /// <summary>Steps from the name of a field, or from the very beginning, to the value; an item of a list is one already.</summary>
    private JsonTokenType Value()
    {
        if (reader.TokenType is JsonTokenType.PropertyName or JsonTokenType.None)
            Read();
        return reader.TokenType;
    }

    private void Read()
    {
        if (!reader.Read())
            throw Error("the JSON ends early");
    }

    private readonly string String()
    {
        try
        {
            return reader.GetString()!;
        }
        catch (InvalidOperationException)
        {
            throw HalfText();
        }
    }

    private static FormatException HalfText() => Error("a text is not valid UTF-8 or has half a surrogate pair");

    private readonly FormatException Wrong(string wanted)
    {
        var name = Encoding.ASCII.GetString(field[..Math.Min(field.Length, 50)]);
        return Error(name.Length > 0 ? $"{name} is not {wanted}" : $"it is not {wanted}");
    }
}
