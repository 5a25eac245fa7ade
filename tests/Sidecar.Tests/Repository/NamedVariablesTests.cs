using System.Text.RegularExpressions;
using Sidecar.Configuration;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>Every variable that the repository tells people to set is in the program's table.</summary>
public sealed partial class NamedVariablesTests
{
    public static TheoryData<string> Texts =>
    [
        "README.md", "Dockerfile.distroless", "src/deploy/sidecar.yaml", "src/deploy/static-pod.yaml", "src/deploy/kustomization.yaml",
    ];

    [Theory]
    [MemberData(nameof(Texts))]
    public void Every_variable_that_is_named_exists(string file)
    {
        // Comments may look ahead; what is set may not, see below. The README describes this version.
        var known = Variables.All.Select(v => v.Name).ToHashSet();
        if (file != "README.md")
            known.UnionWith(Variables.Later);
        foreach (Match match in VariableName().Matches(RepositoryFiles.Read(file)))
        {
            // "SIDECAR_REMOTE_WRITE_…" stands for all that begin so.
            var isKnown = match.Value.EndsWith('_')
                ? known.Any(n => n.StartsWith(match.Value, StringComparison.Ordinal))
                : known.Contains(match.Value);
            Assert.True(isKnown, $"{file} names {match.Value}, which is no variable");
        }
    }

    [Theory]
    [InlineData("src/deploy/sidecar.yaml")]
    [InlineData("src/deploy/static-pod.yaml")]
    public void What_a_manifest_sets_is_a_right_configuration(string file)
    {
        var container = Assert.Single(RepositoryFiles.Yaml(file).SelectMany(d => d.AllNodes).OfType<YamlMappingNode>(), n => n.Has("env"));
        // A pod's own variables are there in both; the kubelet puts the downward API's value where $(NAME) stands.
        var environment = new Dictionary<string, string?>
        {
            ["KUBERNETES_SERVICE_HOST"] = "10.96.0.1",
            ["KUBERNETES_SERVICE_PORT"] = "443",
        };
        foreach (var variable in container["env"].Items().Where(v => v.Has("value")))
        {
            Assert.True(variable["value"].IsString(), $"{variable.Line()} is not a string");
            environment.Add(variable["name"].Text(), variable["value"].Text().Replace("$(NODE_NAME)", "node-1"));
        }

        var result = OptionsReader.Read(environment);

        Assert.Empty(result.Errors.Select(e => e.ToString()));
        Assert.Empty(result.Warnings.Select(w => w.ToString()));
    }

    [GeneratedRegex("SIDECAR_[A-Z0-9_]*")]
    private static partial Regex VariableName();
}
