using System.Text.Json;

namespace Sidecar.Configuration;

/// <summary>Names with values: <c>a=b,c=d</c>, or a JSON object of strings where a value holds a comma.</summary>
internal static class Pairs
{
    public static Parsed<ImmutableArray<KeyValuePair<string, string>>> Parse(string text) =>
        text.StartsWith('{') ? ParseJson(text) : ParseList(text);

    private static Parsed<ImmutableArray<KeyValuePair<string, string>>> ParseList(string text)
    {
        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        foreach (var entry in text.Split(',', StringSplitOptions.TrimEntries))
        {
            var equals = entry.IndexOf('=');
            if (equals <= 0)
                return new Wrong($"entry {pairs.Count + 1} is not of the form name=value");
            pairs.Add(new(entry[..equals].TrimEnd(), entry[(equals + 1)..].TrimStart()));
        }
        return pairs.ToImmutable();
    }

    private static Parsed<ImmutableArray<KeyValuePair<string, string>>> ParseJson(string text)
    {
        var pairs = ImmutableArray.CreateBuilder<KeyValuePair<string, string>>();
        try
        {
            using var json = JsonDocument.Parse(text);
            foreach (var field in json.RootElement.EnumerateObject())
            {
                if (field.Value.ValueKind != JsonValueKind.String)
                    return new Wrong($"entry {pairs.Count + 1} of the JSON object has a value that is not a string");
                pairs.Add(new(field.Name, field.Value.GetString()!));
            }
            return pairs.ToImmutable();
        }
        catch (JsonException e)
        {
            return new Wrong($"not a JSON object (the error is at byte {e.BytePositionInLine + 1} of line {e.LineNumber + 1})");
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, written as \ud800: the one thing that is JSON and no text.
            return new Wrong("a JSON object with an escape that is no valid Unicode");
        }
    }
}
