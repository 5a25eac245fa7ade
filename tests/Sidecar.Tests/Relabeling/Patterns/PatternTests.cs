using System.Text;
using Sidecar.Relabeling.Patterns;
using Sidecar.Tests.Memory;

namespace Sidecar.Tests.Relabeling.Patterns;

/// <summary>Patterns as Prometheus 3 compiles them with Go's regexp: ^(?s:…)$.</summary>
public sealed class PatternTests
{
    [Theory]
    // Anchored at both ends, and a dot is any character.
    [InlineData("foo", "foo", true)]
    [InlineData("foo", "foobar", false)]
    [InlineData("foo", "a foo", false)]
    [InlineData("foo|foobar", "foobar", true)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData(".*", "", true)]
    [InlineData(".*", "a\nb", true)]
    [InlineData(".+", "", false)]
    [InlineData(".+", "\n", true)]
    [InlineData("(?-s).+", "a\nb", false)]
    [InlineData("(?-s:.)a", "\na", false)]
    [InlineData("a.b", "a\nb", true)]
    [InlineData("a.b", "aéb", true)]
    [InlineData("a.b", "a😀b", true)]
    [InlineData("a..b", "aéb", false)]
    [InlineData("^foo$", "foo", true)]
    [InlineData("^foo$", "foo\n", false)]
    [InlineData("foo$", "foo\n", false)]
    [InlineData("(^a|b$)", "a", true)]
    [InlineData("a^b", "ab", false)]
    [InlineData("a$b", "ab", false)]
    [InlineData("\\Afoo\\z", "foo", true)]
    [InlineData("(?m)a$\n^b", "a\nb", true)]
    [InlineData("a$\n^b", "a\nb", false)]
    [InlineData("^*", "", true)]
    // Literals, prefixes, alternations: the shapes that need no automaton.
    [InlineData("a|b|c", "b", true)]
    [InlineData("a|b|c", "d", false)]
    [InlineData("(a|b)_total", "b_total", true)]
    [InlineData("(a|b)_total", "c_total", false)]
    [InlineData("go_.*", "go_goroutines", true)]
    [InlineData("go_.*", "go_", true)]
    [InlineData("go_.+", "go_", false)]
    [InlineData("go_.*|process_.*", "process_x", true)]
    [InlineData("go_.*|process_.+", "process_", false)]
    [InlineData("(go|process)_.*", "process_x", true)]
    [InlineData("https?", "http", true)]
    [InlineData("https?", "https", true)]
    [InlineData("[ab]c", "bc", true)]
    [InlineData("default;kubernetes;https", "default;kubernetes;https", true)]
    [InlineData("0\\.(1|25)", "0.25", true)]
    [InlineData("0\\.(1|25)", "0x25", false)]
    // Flags in the midst: they hold to the group's end, and a repetition behind them is of what stands before.
    [InlineData("a(?i)b", "aB", true)]
    [InlineData("a(?i)b", "AB", false)]
    [InlineData("(a(?i)b)c", "aBC", false)]
    [InlineData("a(?i-s)?", "", true)]
    [InlineData("a(?i-s)?", "a", true)]
    [InlineData("a(?i-s)?", "A", false)]
    [InlineData("a(?i-s)?b", "aB", true)]
    [InlineData("ab(?i)*c", "abbbC", true)]
    [InlineData("a*(?i)*b", "aaB", true)]
    [InlineData("a+(?U)?", "", true)]
    [InlineData("(?P<n>a)|(?P<n>b)", "b", true)]
    // Repetition.
    [InlineData("a*", "aaaa", true)]
    [InlineData("a+b", "b", false)]
    [InlineData("a{2}", "aa", true)]
    [InlineData("a{2}", "aaa", false)]
    [InlineData("a{2,}", "aaaa", true)]
    [InlineData("a{2,}", "a", false)]
    [InlineData("a{2,3}", "aaa", true)]
    [InlineData("a{2,3}", "aaaa", false)]
    [InlineData("a{0}", "", true)]
    [InlineData("a{0}b", "b", true)]
    [InlineData("a{,2}", "a{,2}", true)]
    [InlineData("a{", "a{", true)]
    [InlineData("a{01}", "a{01}", true)]
    [InlineData("x{2}y{1,}", "xxyy", true)]
    [InlineData("(ab)*", "ababab", true)]
    [InlineData("(a|ab)(c|bcd)(d*)", "abcd", true)]
    [InlineData("(a*)*", "aaa", true)]
    [InlineData("(a*)+", "", true)]
    [InlineData("(|a)*", "aa", true)]
    [InlineData("a*?b", "aab", true)]
    [InlineData("(?:.{100}){10}", null, false)]
    // Classes.
    [InlineData("[a-c]+", "abc", true)]
    [InlineData("[^a-c]+", "xyz", true)]
    [InlineData("[^a-c]+", "xay", false)]
    [InlineData("[^a]", "\n", true)]
    [InlineData("[]a]", "]", true)]
    [InlineData("[^]a]", "b", true)]
    [InlineData("[a-]", "-", true)]
    [InlineData("[a-b-c]", "-", true)]
    [InlineData("[\\]\\-]", "-", true)]
    [InlineData("[é-ü]", "ö", true)]
    [InlineData("[é-ü]", "z", false)]
    [InlineData("[[:alpha:]_]+", "aZ_", true)]
    [InlineData("[[:^digit:]]", "1", false)]
    [InlineData("[[:word:]]+", "a_1", true)]
    [InlineData("[[:foo]", "[", true)]
    [InlineData("[[:foo]", "f", true)]
    [InlineData("\\d+", "0123", true)]
    [InlineData("\\d", "٣", false)]
    [InlineData("\\D", "٣", true)]
    [InlineData("\\w+", "aZ_9", true)]
    [InlineData("\\w", "é", false)]
    [InlineData("\\s", "\v", false)]
    [InlineData("\\s", "\f", true)]
    [InlineData("\\S", "\u00a0", true)]
    [InlineData("[\\d\\s]+", "1 2", true)]
    [InlineData("[^\\d]", "1", false)]
    [InlineData("[\\x{1F600}-\\x{1F64F}]", "😀", true)]
    [InlineData("[\\x{10000}-\\x{10FFFF}]", "😀", true)]
    [InlineData("[\\x{0}-\\x{10FFFF}]", "é", true)]
    [InlineData("[^\\x{0}-\\x{10FFFF}]", "a", false)]
    [InlineData("[^\\x{0}-\\x{10FFFF}]|b", "b", true)]
    [InlineData("[\\x{7E}-\\x{802}]", "é", true)]
    [InlineData("[\\x{7E}-\\x{802}]", "\u0803", false)]
    [InlineData("[\\x{D000}-\\x{E000}]", "\uD7FF", true)]
    [InlineData("\\pL+", "aéЖ漢", true)]
    [InlineData("\\pL", "1", false)]
    [InlineData("\\PL", "1", true)]
    [InlineData("\\p{Lu}", "É", true)]
    [InlineData("\\p{Lu}", "é", false)]
    [InlineData("\\p{^Lu}", "é", true)]
    [InlineData("\\p{Nd}", "٣", true)]
    [InlineData("[\\p{Lu}\\d]", "7", true)]
    [InlineData("\\p{Any}", "😀", true)]
    // Escapes.
    [InlineData("\\.", ".", true)]
    [InlineData("\\.", "a", false)]
    [InlineData("\\x41\\x{42}", "AB", true)]
    [InlineData("\\101", "A", true)]
    [InlineData("\\012", "\n", true)]
    [InlineData("\\a\\f\\n\\r\\t\\v", "\a\f\n\r\t\v", true)]
    [InlineData("\\Qa.b*\\E+", "a.b**", true)]
    [InlineData("\\Qa.b\\E", "axb", false)]
    [InlineData("\\Q\\E", "", true)]
    [InlineData("\\_\\-\\/", "_-/", true)]
    [InlineData("é", "é", true)]
    // Flags.
    [InlineData("(?i)get", "GeT", true)]
    [InlineData("(?i:g)et", "GET", false)]
    [InlineData("(?i:g)et", "Get", true)]
    [InlineData("a(?i)b|c", "aB", true)]
    [InlineData("a(?i)b|c", "C", true)]
    [InlineData("(?i)k", "\u212a", true)]
    [InlineData("(?i)\u212a", "k", true)]
    [InlineData("(?i)s", "ſ", true)]
    [InlineData("(?i)[a-z]+", "ÀK", false)]
    [InlineData("(?i)[r-t]", "ſ", true)]
    [InlineData("(?i)straße", "STRASSE", false)]
    [InlineData("(?i)ß", "ẞ", true)]
    [InlineData("(?i)σ", "ς", true)]
    [InlineData("(?i)Жж", "жЖ", true)]
    [InlineData("(?i)µ", "μ", true)]
    [InlineData("(?i)ı", "I", false)]
    [InlineData("(?i)\\p{Lu}", "é", true)]
    [InlineData("(?i)[^k]", "K", false)]
    [InlineData("(?i-i:k)", "K", false)]
    [InlineData("(?is)a.", "A\n", true)]
    [InlineData("(?U)a+", "aaa", true)]
    // Word boundaries are ASCII.
    [InlineData("a\\b.*", "a b", true)]
    [InlineData("a\\b.*", "ab", false)]
    [InlineData("a\\B.*", "ab", true)]
    [InlineData("a\\bé", "aé", true)]
    [InlineData("\\b", "", false)]
    [InlineData("\\B", "", true)]
    public void Matches_as_RE2_does(string pattern, string? value, bool matches)
    {
        value ??= new string('x', 999);
        var bytes = Encoding.UTF8.GetBytes(value);
        Assert.Equal(matches, Parse(pattern).IsMatch(bytes));
        // The machine that finds groups says the same.
        var withGroup = Parse($"({pattern})");
        Assert.Equal(matches, withGroup.Match(bytes, new int[2 * withGroup.Pattern.Groups]));
    }

    [Theory]
    [InlineData("(.*)", "abc", "0-3")]
    [InlineData("(.+)", "abc", "0-3")]
    [InlineData("ab(.*)", "abc", "2-3")]
    [InlineData("(ab.*)", "abc", "0-3")]
    [InlineData("ab(.*)", "ab", "2-2")]
    [InlineData("(a|ab)(c|bcd)(d*)", "abcd", "0-1 1-4 4-4")]
    [InlineData("(a+)(b+)", "aabb", "0-2 2-4")]
    [InlineData("(a*)(a*)", "aa", "0-2 2-2")]
    [InlineData("(a*?)(a*)", "aa", "0-0 0-2")]
    [InlineData("(?U)(a*)(a*)", "aa", "0-0 0-2")]
    [InlineData("(?U)(a*?)(a*)", "aa", "0-2 2-2")]
    [InlineData("(a)|(b)", "b", "- 0-1")]
    [InlineData("(a)?b", "b", "-")]
    [InlineData("(?:(a)|b)*", "ab", "0-1")]
    [InlineData("((a)|b)*", "ab", "1-2 0-1")]
    [InlineData("(.*):(\\d+)", "10.0.0.1:6443", "0-8 9-13")]
    [InlineData("([^:]+)(?::\\d+)?", "host:80", "0-4")]
    [InlineData("(?P<x>a)(?<y>b)", "ab", "0-1 1-2")]
    [InlineData("(a{2})+", "aaaa", "2-4")]
    [InlineData("(a|b){2,3}", "aba", "2-3")]
    [InlineData("(é)(.)", "é😀", "0-2 2-6")]
    [InlineData("(a*)+", "aa", "0-2")]
    [InlineData("(|a)+", "a", "0-1")]
    [InlineData("(|a)*", "a", "0-1")]
    [InlineData("()", "", "0-0")]
    [InlineData("(\\b)a", "a", "0-0")]
    public void Groups_are_where_Go_finds_them(string pattern, string value, string groups)
    {
        var parsed = Parse(pattern);
        var positions = new int[2 * parsed.Pattern.Groups];
        for (var i = 0; i < 2; i++) // the second time from memory
        {
            Assert.True(parsed.Match(Encoding.UTF8.GetBytes(value), positions));
            Assert.Equal(groups, string.Join(' ', positions.Chunk(2).Select(p => p[0] < 0 ? "-" : $"{p[0]}-{p[1]}")));
        }
    }

    [Theory]
    [InlineData("(", "without its )")]
    [InlineData("a)", "a ) too many")]
    [InlineData("a)(b", "a ) too many")]
    [InlineData("[a", "class without its ]")]
    [InlineData("[", "class without its ]")]
    [InlineData("[]", "class without its ]")]
    [InlineData("[z-a]", "range z-a")]
    [InlineData("[a-\\d]", "escape \\d")]
    [InlineData("[[:foo:]]", "[:foo:]")]
    [InlineData("[\\b]", "escape \\b")]
    [InlineData("*a", "nothing before *")]
    [InlineData("a|*", "nothing before *")]
    [InlineData("(+)", "nothing before +")]
    [InlineData("(?i)*", "nothing before *")]
    [InlineData("a**", "repeats a repetition")]
    [InlineData("a*+", "repeats a repetition")]
    [InlineData("a{2}{3}", "repeats a repetition")]
    [InlineData("a{3,2}", "the smaller number first")]
    [InlineData("a{1001}", "at most 1000")]
    [InlineData("(a{100}){100}", "more than 1000 times")]
    [InlineData("(?=a)", "looks ahead or behind")]
    [InlineData("(?!a)b", "looks ahead or behind")]
    [InlineData("(?<=a)b", "looks ahead or behind")]
    [InlineData("(?<!a)b", "looks ahead or behind")]
    [InlineData("(?>a)", "begins with (?>")]
    [InlineData("(?x)a", "begins with (?x")]
    [InlineData("(?#a)", "begins with (?#")]
    [InlineData("(?P=a)", "begins with (?P")]
    [InlineData("(?-)a", "begins with (?)")]
    [InlineData("(a)\\1", "refers back to a group (\\1)")]
    [InlineData("\\8", "escape \\8")]
    [InlineData("\\C", "escape \\C")]
    [InlineData("\\Z", "escape \\Z")]
    [InlineData("\\G", "escape \\G")]
    [InlineData("\\h", "escape \\h")]
    [InlineData("\\é", "escape \\é")]
    [InlineData("\\", "lone backslash")]
    [InlineData("[\\", "lone backslash")]
    [InlineData("\\x4", "hexadecimal")]
    [InlineData("\\xzz", "hexadecimal")]
    [InlineData("\\x{110000}", "hexadecimal")]
    [InlineData("\\x{41", "hexadecimal")]
    [InlineData("\\p{Greek}", "scripts are not")]
    [InlineData("\\p{Lx}", "scripts are not")]
    [InlineData("\\p{L", "without its }")]
    [InlineData("\\p", "scripts are not")]
    [InlineData("(?i)?", "repeats nothing")]
    [InlineData("a|(?i)?", "repeats nothing")]
    [InlineData("(?P<a b>x)", "group name")]
    [InlineData("(?P<>x)", "group name")]
    [InlineData("\\pL{1000}", "too large")]
    [InlineData("\\Qa.b", "without its \\E")]
    public void What_RE2_has_not_or_what_is_not_supported_is_an_error(string pattern, string problem)
    {
        Assert.Null(Pattern.TryParse(pattern, out var said));
        Assert.Contains(problem, said);
    }

    [Fact]
    public void Deep_nesting_is_an_error_and_not_the_end_of_the_stack()
    {
        Assert.Null(Pattern.TryParse(new string('(', 100_000), out var problem));
        Assert.Contains("deep", problem);
        Assert.NotNull(Pattern.TryParse(new string('(', 100) + "a" + new string(')', 100), out _));
    }

    [Theory]
    [InlineData("foo", true)]
    [InlineData("^foo$", true)]
    [InlineData("foo.*", true)]
    [InlineData("^foo.*", true)]
    [InlineData(".*", true)]
    [InlineData("(.*)", true)]
    [InlineData(".+", true)]
    [InlineData("a|b|c", true)]
    [InlineData("(?:a|b)_.*", true)]
    [InlineData("default;kubernetes;https", true)]
    [InlineData("apiserver_request_duration_seconds_bucket;(0\\.05|0\\.1)", true)]
    [InlineData(".*_bucket", false)]
    [InlineData("a+", false)]
    public void Common_shapes_need_no_automaton(string pattern, bool isSimple)
    {
        var parsed = Parse(pattern);
        Assert.Equal(isSimple, parsed.Pattern.Shape is not null);
        parsed.IsMatch("foo_bucket"u8);
        Assert.Equal(isSimple, parsed.Work == 0);
    }

    public static TheoryData<string> Catastrophic =>
    [
        "(a*)*b", "(a+)+b", "(a|a)*b", "(a|aa)+b", "(.*)*b", "(.*a){20}", "(.*)(.*)(.*)(.*)(.*)[^a]", "(x+x+)+y|(a?){50}a{50}b",
        "([a-z]+)*=", "\\b(a*)*\\bb", "(a{0,50}){0,19}b", "(?i)(k|s)*(a|A)*b",
    ];

    /// <summary>Counted, not timed: work is bounded by text times program, whatever the pattern.</summary>
    [Theory, MemberData(nameof(Catastrophic))]
    public void Time_is_linear_in_the_text(string pattern)
    {
        var (small, large) = (WorkOn(pattern, 2_000), WorkOn(pattern, 20_000));
        Assert.True(large <= 11 * small + 10_000, $"{small} steps for 2,000 bytes, {large} for 20,000");
        Assert.True(large <= 20_000L * 3_000, $"{large} steps");
    }

    private static long WorkOn(string pattern, int length)
    {
        var parsed = Parse(pattern);
        var value = Encoding.UTF8.GetBytes(new string('a', length));
        parsed.IsMatch(value);
        // The memory of groups and the automaton in front of them are of no help to a text this long that differs each time.
        parsed.Match(value, new int[2 * parsed.Pattern.Groups]);
        return parsed.Work;
    }

    [Fact]
    public void The_automaton_s_memory_is_bounded_and_its_answers_stay_right()
    {
        // 2^13 states, many times what the table holds.
        var pattern = Parse("(?:a|b)*a(?:a|b){12}");
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var value = new byte[200];
            foreach (ref var c in value.AsSpan())
                c = (byte)(random.Next(2) == 0 ? 'a' : 'b');
            Assert.Equal(value[^13] == 'a', pattern.IsMatch(value));
        }
        Assert.InRange(ReachableObjects.Count(pattern), 1_000, 2_000_000); // numbers of 4 bytes in the main
    }

    [Theory]
    [InlineData("foo_.*;x", "foo_bar;", true)]
    [InlineData("foo_.*;x", "fo", true)]
    [InlineData("foo_.*;x", "bar;", false)]
    [InlineData("[a-z]+_bucket;0\\.\\d+", "x_bucket;", true)]
    [InlineData("[a-z]+_bucket;0\\.\\d+", "x_sum;", false)]
    [InlineData("a|b", "c", false)]
    [InlineData("a|bc", "b", true)]
    [InlineData("a.*", "ab", true)]
    [InlineData("a.*", "ba", false)]
    [InlineData(".*", "ba", true)]
    [InlineData("\\bfoo", "x", true)] // not known
    public void What_cannot_begin_so_is_known(string pattern, string prefix, bool can) =>
        Assert.Equal(can, Parse(pattern).CanBegin(Encoding.UTF8.GetBytes(prefix)));

    private static PatternMatcher Parse(string pattern)
    {
        var parsed = Pattern.TryParse(pattern, out var problem);
        Assert.True(parsed is not null, problem);
        return new PatternMatcher(parsed);
    }
}
