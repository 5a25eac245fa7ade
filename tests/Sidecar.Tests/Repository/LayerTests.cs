using System.Collections.Immutable;
using Cluster;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace Sidecar.Tests.Repository;

/// <summary>
/// The folders of src/Sidecar are layers: each uses only what stands before it in <see cref="Layers"/>. The compiler itself says what a
/// name means, so that qualified names, aliases and members count as well as using lines.
/// </summary>
public sealed class LayerTests
{
    /// <summary>From the ground up; src/Sidecar/README.md says why in this order.</summary>
    private static readonly ImmutableArray<string> Layers =
    [
        "Primitives", "Memory", "Telemetry", "Configuration", "Http", "Exposition", "Relabeling", "Discovery", "Requests", "Records",
        "Queueing",
        "Sending", "Scraping", "Hosting", "Serving", "Commands",
    ];

    /// <summary>The layers in which memory is handled by address.</summary>
    private static readonly ImmutableArray<string> UnsafeLayers = ["Memory", "Scraping"];

    private static readonly string Root = Path.Combine(SidecarBinary.RepositoryRoot, "src", "Sidecar");

    [Fact]
    [Trait("Speed", "Slow")]
    public void Each_folder_uses_only_the_folders_before_it()
    {
        var house = Compile(Sources(Root));
        Assert.Empty(house.GetDiagnostics().Where(d => d.Severity == DiagnosticSeverity.Error && d.Id is not ("CS8795" or "CS9248")));
        Assert.Empty(Upward(house));
    }

    [Theory]
    [InlineData("var target = new Sidecar.Discovery.Thing();")]
    [InlineData("object target = new Discovery.Thing();")]
    [InlineData("Thing target = new();")]
    [InlineData("var target = Sidecar.Discovery.Thing.Make;")]
    [InlineData("var target = \"\".Extended();")]
    [Trait("Speed", "Slow")]
    public void A_use_of_a_later_folder_is_found_with_its_line(string use)
    {
        var found = Upward(Compile(
        [
            (Path.Combine(Root, "Http", "A.cs"), $"using Sidecar.Discovery;\nnamespace Sidecar.Http;\nclass A {{ void M()\n{{ {use} }} }}"),
            (Path.Combine(Root, "Discovery", "B.cs"), """
                namespace Sidecar.Discovery;
                class Thing { public static int Make; }
                static class Extensions { public static int Extended(this string text) => text.Length; }
                """),
        ]));
        Assert.Contains(found, f => f.StartsWith(Path.Combine("Http", "A.cs") + ":4 uses ", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void A_use_of_an_earlier_folder_is_allowed()
    {
        Assert.Empty(Upward(Compile(
        [
            (Path.Combine(Root, "Discovery", "B.cs"), "namespace Sidecar.Discovery; class B { Http.A a; }"),
            (Path.Combine(Root, "Http", "A.cs"), "namespace Sidecar.Http; class A;"),
        ])));
    }

    [Fact]
    public void Every_folder_is_a_layer_and_every_file_has_its_namespace()
    {
        foreach (var (path, text) in Sources(Root))
        {
            var folder = Path.GetDirectoryName(Path.GetRelativePath(Root, path))!;
            if (folder.Length == 0)
            {
                Assert.Equal("Program.cs", Path.GetFileName(path));
                continue;
            }
            Assert.Contains(folder.Split(Path.DirectorySeparatorChar)[0], Layers);
            Assert.Contains($"namespace Sidecar.{folder.Replace(Path.DirectorySeparatorChar, '.')};", text, StringComparison.Ordinal);
        }
        Assert.All(Layers, layer => Assert.True(Directory.Exists(Path.Combine(Root, layer)), $"There is no folder {layer}."));
    }

    /// <summary>Whoever looks for the tests of a file goes to the folder of its name.</summary>
    [Fact]
    public void The_tests_stand_in_folders_of_the_same_names()
    {
        var tests = Path.Combine(SidecarBinary.RepositoryRoot, "tests", "Sidecar.Tests");
        string[] ofNoLayer = ["Deploy", "Fuzzing", "Repository", "StandIns"];
        foreach (var (path, text) in Sources(tests))
        {
            var folder = Path.GetDirectoryName(Path.GetRelativePath(tests, path))!;
            Assert.Contains(folder.Split(Path.DirectorySeparatorChar)[0], Layers.Concat(ofNoLayer));
            Assert.Contains($"namespace Sidecar.Tests.{folder.Replace(Path.DirectorySeparatorChar, '.')};", text, StringComparison.Ordinal);
            var tested = Path.GetFileNameWithoutExtension(path);
            tested = tested.EndsWith("Tests", StringComparison.Ordinal) ? $"{tested[..^5]}.cs" : "";
            var sources = Directory.EnumerateFiles(Root, tested.Length == 0 ? "-" : tested, SearchOption.AllDirectories).ToList();
            Assert.True(sources.Count == 0 || sources.Any(s => Path.GetDirectoryName(Path.GetRelativePath(Root, s)) == folder),
                $"{path} tests {string.Join(", ", sources)}.");
        }
    }

    [Fact]
    public void The_map_names_the_layers_in_their_order()
    {
        var map = File.ReadAllText(Path.Combine(Root, "README.md"));
        var rows = map.Split('\n').Where(l => l.StartsWith("| `", StringComparison.Ordinal)).Select(l => l.Split('`')[1])
            .Where(n => Layers.Contains(n));
        Assert.Equal(Layers, rows);
    }

    [Fact]
    [Trait("Speed", "Slow")]
    public void Memory_is_handled_by_address_only_where_that_is_the_point()
    {
        foreach (var (path, text) in Sources(Root))
        {
            var isUnsafe = CSharpSyntaxTree.ParseText(text).GetRoot().DescendantTokens().Any(t => t.IsKind(SyntaxKind.UnsafeKeyword));
            Assert.True(!isUnsafe || UnsafeLayers.Any(l =>
                path.StartsWith(Path.Combine(Root, l) + Path.DirectorySeparatorChar, StringComparison.Ordinal)),
                $"{path} is unsafe.");
        }
    }

    /// <summary>But for what is no code: a text that cannot be broken, and what stands within one.</summary>
    [Fact]
    public void No_line_is_longer_than_140_columns()
    {
        const int Most = 140;
        var tooLong = new List<string>();
        foreach (var (path, text) in Sources(Path.Combine(SidecarBinary.RepositoryRoot, "src"))
            .Concat(Sources(Path.Combine(SidecarBinary.RepositoryRoot, "tests"))))
        {
            var tree = CSharpSyntaxTree.ParseText(text, new CSharpParseOptions(LanguageVersion.Preview));
            foreach (var line in tree.GetText().Lines.Where(l => l.Span.Length > Most))
            {
                var longest = tree.GetRoot().DescendantTokens(line.Span)
                    .Where(t => t.Kind().ToString().Contains("String", StringComparison.Ordinal))
                    .Select(t => t.Parent is InterpolatedStringTextSyntax { Parent: { } whole } ? whole.Span : t.Span)
                    .Max(s => s.Intersection(line.Span)?.Length) ?? 0;
                if (line.Span.Length - longest > Most / 2)
                    tooLong.Add($"{Path.GetRelativePath(SidecarBinary.RepositoryRoot, path)}:{line.LineNumber + 1} has {line.Span.Length} columns");
            }
        }
        Assert.True(tooLong.Count == 0, string.Join('\n', tooLong));
    }

    private static IEnumerable<(string Path, string Text)> Sources(string root) =>
        Directory.EnumerateFiles(root, "*.cs", SearchOption.AllDirectories)
            .Where(p => !Path.GetRelativePath(root, p).Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj"))
            .Select(p => (p, File.ReadAllText(p)));

    /// <summary>The sources with the implicit usings of the SDK and of the project, against what this test itself runs with.</summary>
    private static CSharpCompilation Compile(IEnumerable<(string Path, string Text)> sources)
    {
        const string Implicit = "global using System; global using System.Collections.Generic; global using System.IO; global using System.Linq;"
            + "global using System.Net.Http; global using System.Threading; global using System.Threading.Tasks;"
            + "global using System.Collections.Immutable; global using System.Text;";
        var options = new CSharpParseOptions(LanguageVersion.Preview);
        var assemblies = ((string)AppContext.GetData("TRUSTED_PLATFORM_ASSEMBLIES")!).Split(Path.PathSeparator)
            .Where(p => Path.GetFileName(p) is not ("sidecar.dll" or "Sidecar.Tests.dll" or "Cluster.dll"));
        return CSharpCompilation.Create(
            "house",
            sources.Append((Path: "", Text: Implicit)).Select(s => CSharpSyntaxTree.ParseText(s.Text, options, s.Path)),
            assemblies.Select(p => MetadataReference.CreateFromFile(p)),
            new CSharpCompilationOptions(OutputKind.DynamicallyLinkedLibrary, allowUnsafe: true,
            nullableContextOptions: NullableContextOptions.Enable));
    }

    /// <summary>Each use of a later layer: file, line, and what is used.</summary>
    private static List<string> Upward(CSharpCompilation house)
    {
        var found = new List<string>();
        foreach (var tree in house.SyntaxTrees)
        {
            if (LayerOf(tree.FilePath) is not (>= 0 and var mine))
                continue;
            var model = house.GetSemanticModel(tree);
            foreach (var name in tree.GetRoot().DescendantNodes(descendIntoTrivia: true).OfType<SimpleNameSyntax>())
            {
                if (model.GetSymbolInfo(name).Symbol is not { } symbol || symbol is INamespaceSymbol)
                    continue;
                var type = (symbol as IMethodSymbol)?.ReducedFrom?.ContainingType ?? symbol as ITypeSymbol ?? symbol.ContainingType;
                if (type?.DeclaringSyntaxReferences.FirstOrDefault()?.SyntaxTree.FilePath is { } path && LayerOf(path) > mine)
                {
                    var line = name.GetLocation().GetLineSpan().StartLinePosition.Line + 1;
                    found.Add($"{Path.GetRelativePath(Root, tree.FilePath)}:{line} uses {symbol.Name} of {Layers[LayerOf(path)]}");
                }
            }
        }
        return found;
    }

    /// <summary>-1 for what is in no layer.</summary>
    private static int LayerOf(string path) =>
        path.Length == 0 ? -1 : Layers.IndexOf(Path.GetRelativePath(Root, path).Split(Path.DirectorySeparatorChar)[0]);
}
