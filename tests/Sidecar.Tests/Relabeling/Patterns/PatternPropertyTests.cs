using System.Text;
using System.Text.RegularExpressions;
using CsCheck;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Tests.Relabeling.Patterns;

/// <summary>Against .NET's engine, on the syntax that means the same in both.</summary>
public sealed class PatternPropertyTests
{
    private static readonly Gen<string> Atom = Gen.OneOf(
        OneOf("a", "b", "c", "é", "😀", "\\.", ".", "-"),
        OneOf("[ab]", "[^a]", "[a-cé]", "[^\\n]", "[0-9]", "\\x61", "[\\w]"),
        OneOf("", "^", "$", "\\b", "\\B"));

    // No repetition of what can be empty: .NET takes some of those for something else, such as (?:(?:a+|))+ on the empty text, which it
    // denies. A surrogate pair is two characters to .NET and one to RE2, so it stands in a group wherever it is repeated.
    private static readonly Gen<string> Tree = Gen.Recursive<string>((depth, inner) => depth > 3
        ? Atom
        : Gen.OneOf(
            Atom,
            Gen.Select(inner, inner, (a, b) => a + b),
            Gen.Select(inner, inner, (a, b) => $"(?:{a}|{b})"),
            Gen.Select(inner, inner, (a, b) => $"({a}|{b})"),
            inner.Select(a => $"({a})"),
            Gen.Select(inner, OneOf("*", "+", "?", "{2}", "{1,2}", "{0,3}", "*?", "+?"), (a, q) => IsNullable(a) ? a : $"(?:{a}){q}")));

    private static readonly Gen<string> Text = OneOf("a", "b", "c", "é", "z", ".", "-", "\n", "0", "_").Array[0, 8].Select(string.Concat);

    [Fact]
    [Trait("Speed", "Slow")]
    public void Matches_as_the_engine_of_NET() => Gen.Select(Tree, Text.Array[1, 6]).Sample((pattern, texts) =>
    {
        if (Pattern.TryParse(pattern, out var problem) is not { } parsed)
        {
            Assert.Contains("repeats", problem); // nested repetitions beyond RE2's bound
            return;
        }
        var mine = new PatternMatcher(parsed);
        // Its linear engine: the backtracking one gives up on some loops over the empty text.
        var theirs = new Regex($"^(?s:{Translate(pattern)})\\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking);
        foreach (var text in texts)
        {
            if (text.Contains('é') && pattern.Contains("\\b", StringComparison.OrdinalIgnoreCase))
                continue; // a word character there
            var expected = theirs.IsMatch(text);
            var bytes = Encoding.UTF8.GetBytes(text);
            Assert.True(expected == mine.IsMatch(bytes), $"{pattern} on {text}: {expected}");
            var groups = new int[2 * mine.Pattern.Groups];
            Assert.True(expected == mine.Match(bytes, groups), $"{pattern} on {text} with groups: {expected}");
            if (expected)
                Assert.True(mine.CanBegin(bytes), $"{pattern} cannot begin with {text}");
            if (expected)
                Assert.True(mine.CanBegin(bytes.AsSpan(0, bytes.Length / 2)), $"{pattern} cannot begin with half of {text}");
        }
    }, iter: 3_000);

    /// <summary>Groups of patterns without a nested repetition: there the two engines agree on them too.</summary>
    [Fact]
    public void Groups_are_those_of_the_engine_of_NET() => Gen.Select(
        Gen.Select(OneOf("(a*)", "(a+?)", "(b|ab)", "(.)", "(.*)", "(.*?)", "(é?)", "(a|ab)(c|bcd)", "(?:(a)|(b))", "-", "(a{1,2})"),
            OneOf("(c*)", "(.+)", "b", "(b??)", "()", "(z|.)", "(.*)"), OneOf("", "(.*)", "(a|b)*", "c?"), (a, b, c) => a + b + c),
        Text).Sample((pattern, text) =>
    {
        var mine = new PatternMatcher(Pattern.TryParse(pattern, out _)!);
        var match = Regex.Match(text, $"^(?s:{pattern})\\z", RegexOptions.CultureInvariant);
        var groups = new int[2 * mine.Pattern.Groups];
        Assert.Equal(match.Success, mine.Match(Encoding.UTF8.GetBytes(text), groups));
        if (!match.Success)
            return;
        var expected = match.Groups.Values.Skip(1).SelectMany(g => g.Success
            ? new[] { Encoding.UTF8.GetByteCount(text[..g.Index]), Encoding.UTF8.GetByteCount(text[..(g.Index + g.Length)]) } : [-1, -1]);
        Assert.Equal(expected, groups);
    }, iter: 3_000);

    private static Gen<string> OneOf(params string[] words) => Gen.Int[0, words.Length - 1].Select(i => words[i]);

    private static bool IsNullable(string pattern) =>
        Pattern.TryParse(pattern, out _) is not { } parsed || pattern.AsSpan().ContainsAny("^$\\")
        || new PatternMatcher(parsed).IsMatch([]);

    /// <summary>\z where RE2 has $, and ASCII classes.</summary>
    private static string Translate(string pattern) => pattern.Replace("$", "\\z").Replace("[\\w]", "[0-9A-Za-z_]");
}
