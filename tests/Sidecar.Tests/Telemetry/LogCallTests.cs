using Cluster;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Sidecar.Tests.Telemetry;

/// <summary>Every place of the program that writes a warning or an error, read from its sources.</summary>
public sealed class LogCallTests
{
    private static readonly string Root = Path.Combine(SidecarBinary.RepositoryRoot, "src", "Sidecar");

    /// <summary>Calls of the log with the fields that they write.</summary>
    private static IEnumerable<(string Place, string Method, string Level, string[] Keys)> Calls(string path, string text)
    {
        foreach (var call in CSharpSyntaxTree.ParseText(text).GetRoot().DescendantNodes().OfType<InvocationExpressionSyntax>())
        {
            // log.Warn(…), log?.Warn(…)
            var (receiver, method) = call.Expression switch
            {
                MemberAccessExpressionSyntax access => (access.Expression.ToString(), access.Name.Identifier.Text),
                MemberBindingExpressionSyntax binding => (
                    call.Ancestors().OfType<ConditionalAccessExpressionSyntax>().First().Expression.ToString(),
                    binding.Name.Identifier.Text),
                _ => ("", ""),
            };
            if (receiver != "log" || method is not ("Warn" or "Error" or "Recurring" or "Write" or "Info" or "Recovered"))
                continue;
            var arguments = call.ArgumentList.Arguments;
            var level = method is "Recurring" or "Write" ? arguments[0].ToString() : method;
            var keys = call.ArgumentList.DescendantNodes().OfType<TupleExpressionSyntax>()
                .Select(t => t.Arguments[0].Expression).OfType<LiteralExpressionSyntax>().Select(l => l.Token.ValueText);
            var line = call.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
            yield return ($"{Path.GetRelativePath(Root, path)}:{line}", method, level, [.. keys]);
        }
    }

    private static (string Place, string Method, string Level, string[] Keys)[] All { get; } =
    [
        .. Directory.GetFiles(Root, "*.cs", SearchOption.AllDirectories)
            .Where(path => !path.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(path => Calls(path, File.ReadAllText(path))),
    ];

    private static string[] WithoutRemedy(IEnumerable<(string Place, string Method, string Level, string[] Keys)> calls) =>
        [.. calls.Where(c => !c.Level.EndsWith("Info", StringComparison.Ordinal) && c.Method is not "Recovered")
            .Where(c => !c.Keys.Contains("remedy")).Select(c => c.Place)];

    [Fact]
    public void Every_warning_and_error_says_what_to_do()
    {
        Assert.InRange(All.Length, 40, 400);
        var found = WithoutRemedy(All);
        Assert.True(found.Length == 0, string.Join('\n', found));
    }

    /// <summary>What went wrong is told under one key; what it is counted as, under another.</summary>
    [Fact]
    public void The_cause_is_always_under_the_same_key() =>
        Assert.Empty(All.Where(c => c.Keys.Any(k => k is "cause" or "err" or "exception" or "because")).Select(c => c.Place));

    [Theory]
    [InlineData("log.Warn(\"a\", (\"error\", e));", 1)]
    [InlineData("log.Error(\"a\", [(\"error\", e), .. more]);", 1)]
    [InlineData("log?.Recurring(LogLevel.Warn, key, \"a\");", 1)]
    [InlineData("log.Recurring(isBad ? LogLevel.Error : LogLevel.Warn, key, \"a\", (\"remedy\", \"b\"));", 0)]
    [InlineData("log.Recurring(LogLevel.Info, key, \"a\"); log.Info(\"a\"); log.Recovered(key, \"a\"); settings.Error(\"a\");", 0)]
    public void What_has_no_remedy_is_found(string text, int found) =>
        Assert.Equal(found, WithoutRemedy(Calls(Path.Combine(Root, "A.cs"), $"class A {{ void M() {{ {text} }} }}")).Length);
}
