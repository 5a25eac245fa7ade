using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Sidecar.Tests.Repository;

/// <summary>What <c>dotnet publish</c> gives: one native executable within the budget, without a warning.</summary>
[Collection(nameof(BuildScriptCollection))]
[Trait("Speed", "Slow")]
public sealed partial class PublishedFileTests(RepositoryCopy copy)
{
    internal static string BinaryIn(RepositoryCopy copy) =>
        Path.Combine(copy.PublishFolder, OperatingSystem.IsWindows() ? "sidecar.exe" : "sidecar");

    [Fact]
    public void Publish_gives_one_file_of_at_most_8_megabytes()
    {
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());
        Assert.Equal([BinaryIn(copy)], Directory.EnumerateFileSystemEntries(copy.PublishFolder));
        Assert.InRange(new FileInfo(BinaryIn(copy)).Length, 1, 8_000_000);
    }

    /// <summary>The dictionary of RFC 7932, appendix A, begins so. That it is gone shows that src/Sidecar/Trimming.xml still meets the framework.</summary>
    [Fact]
    public void Published_file_carries_no_Brotli()
    {
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());
        Assert.Equal(-1, File.ReadAllBytes(BinaryIn(copy)).AsSpan().IndexOf("timedownlifeleftback"u8));
    }

    [Fact]
    public void Publish_warns_of_nothing()
    {
        var result = copy.Publish();
        Assert.Contains("dotnet publish src/Sidecar -c Release", result.Output);
        Assert.Contains("Generating native code", result.Output);
        Assert.DoesNotMatch(TrimOrAotWarning(), result.ToString());
        Assert.Empty(result.Warnings());
    }

    [Fact]
    public async Task Binary_needs_glibc_alone_and_runs()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "the image is Linux");
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());

        // readelf belongs to the C toolchain that linked it.
        var needed = NeededLibrary().Matches(await OutputOf("readelf", "-d", BinaryIn(copy))).Select(m => m.Groups[1].Value).ToArray();
        Assert.Contains("libc.so.6", needed);
        // As Dockerfile.distroless says: what is loaded at start comes with glibc.
        Assert.All(needed, name => Assert.Matches(Glibc(), name));

        Assert.Contains(RepositoryFiles.Version, await OutputOf(BinaryIn(copy), "version"));
    }

    private static async Task<string> OutputOf(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true })!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(0, process.ExitCode);
        return output;
    }

    [GeneratedRegex(@"\bIL[23]\d{3}\b")]
    private static partial Regex TrimOrAotWarning();

    [GeneratedRegex(@"\(NEEDED\).*\[(.+)\]")]
    private static partial Regex NeededLibrary();

    [GeneratedRegex(@"^(libc\.so\.6|libm\.so\.6|libdl\.so\.2|libpthread\.so\.0|librt\.so\.1|ld-linux[-\w]*\.so\.\d)$")]
    private static partial Regex Glibc();
}
