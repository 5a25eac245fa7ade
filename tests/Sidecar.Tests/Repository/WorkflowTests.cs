using System.Text.RegularExpressions;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>
/// What can be said of the workflows without GitHub: their shape, the inputs of their actions, and that they do what is done here.
/// </summary>
public sealed partial class WorkflowTests
{
    /// <summary>Each action in its version, with the inputs of its action.yml that are used here.</summary>
    private static readonly Dictionary<string, string[]> Inputs = new()
    {
        ["actions/checkout@v5"] = ["persist-credentials"],
        ["actions/setup-dotnet@v5"] = ["dotnet-version"],
        ["actions/attest-build-provenance@v3"] = ["subject-path", "subject-name", "subject-digest", "push-to-registry"],
        ["docker/setup-buildx-action@v3"] = [],
        ["docker/login-action@v3"] = ["registry", "username", "password"],
        ["docker/build-push-action@v6"] = ["context", "file", "platforms", "build-args", "tags", "push", "provenance", "sbom"],
        ["sigstore/cosign-installer@v3"] = [],
    };

    public static TheoryData<string> Files() => ["ci.yml", "release.yml"];

    private static YamlNode Workflow(string file) => Assert.Single(RepositoryFiles.Yaml(".github", "workflows", file));

    private static IEnumerable<KeyValuePair<YamlNode, YamlNode>> Jobs(string file) => ((YamlMappingNode)Workflow(file)["jobs"]).Children;

    private static IEnumerable<YamlNode> Steps(string file) => Jobs(file).SelectMany(j => j.Value["steps"].Items());

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_job_is_bounded_and_has_no_more_rights_than_it_names(string file)
    {
        Assert.Equal("{contents: read}", Workflow(file)["permissions"].Line());
        var names = Jobs(file).Select(j => j.Key.Text()).ToHashSet();
        Assert.All(Jobs(file), job =>
        {
            Assert.InRange(int.Parse(job.Value["timeout-minutes"].Text()), 1, 60);
            Assert.Equal("ubuntu-24.04", job.Value["runs-on"].Text());
            if (job.Value.Has("needs"))
                Assert.Contains(job.Value["needs"].Text(), names);
        });
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_step_is_a_command_or_an_action_with_inputs_that_it_has(string file) => Assert.All(Steps(file), step =>
    {
        Assert.True(step.Has("uses") != step.Has("run"), step.Line());
        Assert.Empty(step.Keys().Except(["uses", "run", "with", "env", "id", "name", "shell"]));
        if (!step.Has("uses"))
            return;
        Assert.Contains(step["uses"].Text(), Inputs.Keys);
        if (step.Has("with"))
            Assert.Empty(step["with"].Keys().Except(Inputs[step["uses"].Text()]));
    });

    /// <summary>What is written between braces refers to a step before it, or to what GitHub has.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void Every_expression_refers_to_something(string file)
    {
        foreach (var job in Jobs(file))
        {
            var known = new HashSet<string>();
            foreach (var step in job.Value["steps"].Items())
            {
                foreach (var used in StepOutput().Matches(step.Line()).Select(m => m.Groups[1].Value))
                    Assert.Contains(used, known);
                if (step.Has("id"))
                    known.Add(step["id"].Text());
            }
        }
        var others = Expression().Matches(RepositoryFiles.Read(".github", "workflows", file)).Select(m => m.Groups[1].Value)
            .Where(e => !e.StartsWith("steps.", StringComparison.Ordinal));
        Assert.Empty(others.Except(["github.ref", "github.repository", "github.actor", "github.token"]));
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Tests_are_those_of_ci_on_the_sdk_of_the_image(string file)
    {
        var test = Jobs(file).Single(j => j.Key.Text() == "test").Value;
        Assert.Equal(".ci/run", test["steps"].Items()[^1]["run"].Text());
        Assert.Equal("{image: debian:12, options: --privileged}", test["container"].Line());
        var pinned = SdkOfImage().Match(RepositoryFiles.Read("Dockerfile.distroless")).Groups[1].Value;
        Assert.All(Steps(file).Where(s => s.Has("uses") && s["uses"].Text().StartsWith("actions/setup-dotnet", StringComparison.Ordinal)),
            s => Assert.Equal(pinned, s["with"]["dotnet-version"].Text()));
    }

    [Fact]
    public void Release_waits_for_the_tests_and_publishes_both_platforms_signed()
    {
        var jobs = Jobs("release.yml").ToDictionary(j => j.Key.Text(), j => j.Value);
        Assert.Equal(["test", "archives", "image"], jobs.Keys);
        Assert.All(jobs.Where(j => j.Key != "test"), j => Assert.Equal("test", j.Value["needs"].Text()));
        Assert.Contains(jobs["archives"]["steps"].Items(), s =>
            s.Has("run") && s["run"].Text() == "./build.ps1 publish -Runtime linux-x64,linux-arm64");
        var build = jobs["image"]["steps"].Items().Single(s => s.Has("id") && s["id"].Text() == "build")["with"];
        Assert.Equal(("Dockerfile.distroless", "linux/amd64,linux/arm64"), (build["file"].Text(), build["platforms"].Text()));
        Assert.Contains(jobs["image"]["steps"].Items(), s =>
            s.Has("run") && s["run"].Text().StartsWith("cosign sign --yes ", StringComparison.Ordinal));
        // Signing without a key takes the workflow's own identity.
        Assert.Equal("write", jobs["image"]["permissions"]["id-token"].Text());
    }

    [GeneratedRegex(@"steps\.(\w+)\.outputs")]
    private static partial Regex StepOutput();

    [GeneratedRegex(@"\$\{\{ ([\w.]+) \}\}")]
    private static partial Regex Expression();

    [GeneratedRegex(@"dotnet/sdk:([0-9.]+)-")]
    private static partial Regex SdkOfImage();
}
