using System.Text.Json;

namespace Sidecar.Discovery;

/// <summary>Reads the API server's JSON value by value. Null means absent, as in Kubernetes; a value of a wrong type is an error.</summary>
internal static class JsonFields
{
    private static readonly JsonDocumentOptions Options = new() { MaxDepth = 256 };

    /// <summary>Parses one value, whose elements live until <paramref name="read"/> returns.</summary>
    /// <param name="json">In UTF-8; not copied.</param>
    /// <exception cref="JsonException">The bytes are no JSON.</exception>
    /// <exception cref="FormatException">The value is not the wanted one; the message says why, to people.</exception>
    public static T Read<T>(ReadOnlyMemory<byte> json, Func<JsonElement, T> read)
    {
        using var document = JsonDocument.Parse(json, Options);
        try
        {
            return read(document.RootElement);
        }
        catch (InvalidOperationException)
        {
            // Kinds are checked below, so that only a text can fail.
            throw new FormatException("a text is not valid UTF-8 or has half a surrogate pair");
        }
    }

    public static string? Text(this JsonElement value, string name) => value.Field(name).AsText(name);

    /// <summary>Null also where the text is empty.</summary>
    public static string? FilledText(this JsonElement value, string name) => value.Text(name) is { Length: > 0 } text ? text : null;

    /// <summary>The value itself, such as that of <c>kind</c>.</summary>
    public static string? AsText(this JsonElement value, string name) =>
        value.Is(JsonValueKind.String, name, "a text") ? value.GetString() : null;

    public static bool? Flag(this JsonElement value, string name)
    {
        var flag = value.Field(name);
        return flag.ValueKind == JsonValueKind.False ? false : flag.Is(JsonValueKind.True, name, "true or false") ? true : null;
    }

    public static int? Number(this JsonElement value, string name, int most = int.MaxValue, string what = "a number") =>
        !value.Field(name).Is(JsonValueKind.Number, name, what) ? null
            : value.GetProperty(name).TryGetInt32(out var number) && number >= 0 && number <= most ? number : throw Wrong(name, what);

    /// <summary>An object, whose fields are all absent where it is.</summary>
    public static JsonElement Object(this JsonElement value, string name)
    {
        var child = value.Field(name);
        child.Is(JsonValueKind.Object, name, "an object");
        return child;
    }

    public static List<KeyValuePair<string, string>> Texts(this JsonElement value, string name)
    {
        var texts = new List<KeyValuePair<string, string>>();
        if (value.Object(name) is { ValueKind: JsonValueKind.Object } child)
        {
            foreach (var field in child.EnumerateObject())
                texts.Add(new(field.Name, field.Value.AsText(field.Name) ?? ""));
        }
        return texts;
    }

    /// <summary>None where the list is absent. All fields of a null are.</summary>
    public static JsonElement.ArrayEnumerator Items(this JsonElement value, string name)
    {
        var list = value.Field(name);
        return list.Is(JsonValueKind.Array, name, "a list") ? list.EnumerateArray() : default;
    }

    public static bool IsThere(this JsonElement value) => value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);

    private static JsonElement Field(this JsonElement value, string name) =>
        value.Is(JsonValueKind.Object, "it", "an object") && value.TryGetProperty(name, out var field) ? field : default;

    private static bool Is(this JsonElement value, JsonValueKind kind, string name, string what) =>
        value.IsThere() && (value.ValueKind == kind ? true : throw Wrong(name, what));

    private static FormatException Wrong(string name, string what) => new($"{name[..Math.Min(name.Length, 50)]} is not {what}");
}
