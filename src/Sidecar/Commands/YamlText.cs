using System.Buffers;
using System.Globalization;
using Sidecar.Configuration;
using Sidecar.Primitives;
using Field = (string Key, object? Value);

namespace Sidecar.Commands;

/// <summary>Block YAML of fields: as much of it as a prometheus.yml needs.</summary>
internal static class YamlText
{
    /// <summary>The key of a comment, which stands in a line of its own.</summary>
    public const string Comment = "#";

    private static readonly SearchValues<char> PlainCharacters =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./-");

    /// <summary>The lines of a mapping. Null is left out, as is what has nothing in it.</summary>
    /// <param name="fields">
    /// Values are scalars (a long is a size), texts, lists of texts, mappings (Field[]), or lists of those (List of Field[]).
    /// </param>
    public static List<string> Lines(Field[] fields)
    {
        var lines = new List<string>();
        foreach (var (key, value) in fields)
        {
            var below = value switch { Field[] mapping => Lines(mapping), List<Field[]> items => Lines(items), _ => null };
            if (below is { Count: > 0 })
                lines.AddRange([$"{key}:", .. below.ConvertAll(static line => "  " + line)]);
            else if (below is null && value is not null)
                lines.Add(key == Comment ? $"# {value}" : $"{key}: {Scalar(value)}");
        }
        return lines;
    }

    /// <summary>In double quotes and escaped, but for words that cannot be taken for anything else.</summary>
    public static string Quote(string text) => IsPlain(text) ? text : OneLine.Quote(text);

    /// <summary>The first key of an item stands beside its dash; comments before it stand above.</summary>
    private static List<string> Lines(List<Field[]> items)
    {
        var lines = new List<string>();
        foreach (var item in items)
        {
            var isFirst = true;
            foreach (var line in Lines(item))
            {
                lines.Add(!isFirst ? "  " + line : line.StartsWith('#') ? line : "- " + line);
                isFirst &= line.StartsWith('#');
            }
        }
        return lines;
    }

    private static string Scalar(object value) => value switch
    {
        string text => Quote(text),
        bool flag => flag ? "true" : "false",
        long size => Sizes.Format(size),
        TimeSpan duration => Durations.Format(duration),
        IEnumerable<string> texts => $"[{string.Join(", ", texts.Select(Quote))}]",
        _ => Convert.ToString(value, CultureInfo.InvariantCulture)!,
    };

    /// <summary>Letters, digits and a few signs, not read as a number, a boolean, null or a date.</summary>
    private static bool IsPlain(string text) =>
        text.Length > 0 && (char.IsAsciiLetter(text[0]) || text[0] is '_' or '/')
        && !text.AsSpan().ContainsAnyExcept(PlainCharacters)
        && text.ToLowerInvariant() is not ("true" or "false" or "null" or "yes" or "no" or "on" or "off" or "y" or "n");
}
