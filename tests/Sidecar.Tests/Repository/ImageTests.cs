using System.Text.Json;
using System.Text.RegularExpressions;
using Sidecar.Configuration;

namespace Sidecar.Tests.Repository;

/// <summary>What can be said of the image without an engine.</summary>
public sealed partial class ImageTests
{
    /// <summary>The instructions, continued lines joined, comments gone.</summary>
    private static readonly (string Word, string Arguments)[] Instructions =
    [
        .. Continued().Replace(Comment().Replace(RepositoryFiles.Read("Dockerfile.distroless"), ""), " ")
            .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
            .Select(l => (l.Split(' ')[0], l[l.IndexOf(' ')..].Trim())),
    ];

    private static readonly int FinalStage = Array.FindLastIndex(Instructions, i => i.Word == "FROM");

    [Fact]
    public void Build_stage_is_a_pinned_sdk_that_global_json_accepts()
    {
        var build = Instructions.Where(i => i.Word == "FROM").ElementAt(1).Arguments;
        var sdk = PinnedSdk().Match(build);
        Assert.True(sdk.Success, build);

        using var global = JsonDocument.Parse(RepositoryFiles.Read("global.json"));
        var wanted = global.RootElement.GetProperty("sdk");
        Assert.Equal("latestMinor", wanted.GetProperty("rollForward").GetString());
        var least = Version.Parse(wanted.GetProperty("version").GetString()!);
        var pinned = Version.Parse(sdk.Groups["version"].Value);
        Assert.True(pinned.Major == least.Major && pinned >= least, $"{pinned} is not a roll-forward of {least}");
    }

    /// <summary>The first stage is for an engine without BuildKit, which fails there; nothing else uses it.</summary>
    [Fact]
    public void First_stage_takes_BuildKit_and_nothing_else_needs_it()
    {
        Assert.Equal(("FROM", "scratch AS needs-buildkit"), Instructions[0]);
        Assert.Equal(("COPY", "--chmod=0444 global.json /build-again-with-DOCKER_BUILDKIT=1"), Instructions[1]);
        Assert.DoesNotContain(Instructions[2..], i => i.Arguments.Contains("needs-buildkit"));
    }

    [Fact]
    public void Final_stage_is_distroless_and_holds_the_executable_and_nothing_else()
    {
        Assert.Equal("gcr.io/distroless/base-debian13:nonroot", Instructions[FinalStage].Arguments);
        var final = Instructions[(FinalStage + 1)..];
        Assert.Equal(["ARG", "LABEL", "COPY", "USER", "EXPOSE", "ENTRYPOINT"], final.Select(i => i.Word));
        Assert.Contains(("COPY", "--from=build /out/sidecar /sidecar"), final);
        Assert.Contains(("USER", "65532:65532"), final);
        Assert.Contains(("ENTRYPOINT", "[\"/sidecar\"]"), final);
        Assert.Contains(("EXPOSE", Variables.ListenAddress.Default!.TrimStart(':')), final);
        Assert.Contains(("ARG", $"VERSION={RepositoryFiles.Version}"), final);
    }

    [Fact]
    public void What_is_copied_exists_and_goes_to_the_engine()
    {
        var ignore = RepositoryFiles.Read(".dockerignore").Split('\n').Where(l => l is not "" && !l.StartsWith('#')).ToArray();
        Assert.Equal("*", ignore[0]);
        var sent = ignore.Where(l => l.StartsWith('!')).Select(l => l[1..]).ToArray();
        var copied = Instructions[..FinalStage].Where(i => i.Word == "COPY").SelectMany(i => i.Arguments.Split(' ')[..^1])
            .Where(a => !a.StartsWith('-')).ToArray();

        Assert.NotEmpty(copied);
        Assert.All(copied, path => Assert.True(Path.Exists(Path.Combine(RepositoryFiles.Root, path)), path));
        Assert.All(copied, path => Assert.Contains(sent, s => path == s || path.StartsWith(s + "/", StringComparison.Ordinal)));
        Assert.All(sent, path => Assert.Contains(path, copied));
    }

    [GeneratedRegex(@"^\s*#.*\n", RegexOptions.Multiline)]
    private static partial Regex Comment();

    [GeneratedRegex(@"\\\n\s*")]
    private static partial Regex Continued();

    [GeneratedRegex(@"^--platform=\$BUILDPLATFORM mcr\.microsoft\.com/dotnet/sdk:(?<version>\d+\.\d+\.\d+)-noble-aot AS build$")]
    private static partial Regex PinnedSdk();
}
