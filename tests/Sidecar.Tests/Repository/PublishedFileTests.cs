using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Sidecar.Tests.Repository;

/// <summary>What <c>dotnet publish</c> gives: one native executable within the budget, without a warning.</summary>
[Collection(nameof(BuildScriptCollection))]
[Trait("Speed", "Slow")]
public sealed partial class PublishedFileTests(RepositoryCopy copy)
{
    internal static string BinaryIn(RepositoryCopy copy) =>
        Path.Combine(copy.PublishFolder, OperatingSystem.IsWindows() ? "sidecar.exe" : "sidecar");

    [Fact]
    public void Publish_gives_one_file_of_at_most_8_megabytes_and_its_papers()
    {
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());
        var bill = Path.Combine(copy.PublishFolder, "sidecar.cdx.json");
        var archive = Path.Combine(copy.PublishFolder, $"{ArchiveName}.tar.gz");
        Assert.Equal(new[] { BinaryIn(copy), bill, BinaryIn(copy) + ".sha256", archive, archive + ".sha256" }.Order(StringComparer.Ordinal),
            Directory.EnumerateFileSystemEntries(copy.PublishFolder).Order(StringComparer.Ordinal));
        Assert.InRange(new FileInfo(BinaryIn(copy)).Length, 1, 8_000_000);

        var hash = HashOf(BinaryIn(copy));
        Assert.Equal($"{hash}  {Path.GetFileName(BinaryIn(copy))}\n", File.ReadAllText(BinaryIn(copy) + ".sha256"));
        CheckBill(JsonDocument.Parse(File.ReadAllText(bill)).RootElement, hash);
        Assert.Equal($"{HashOf(archive)}  {Path.GetFileName(archive)}\n", File.ReadAllText(archive + ".sha256"));
    }

    /// <summary>What a host is given: nothing that depends on the day or on who built it, and each file as it stands here.</summary>
    [Fact]
    public void Archive_holds_what_a_host_needs()
    {
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());
        using var gzip = new GZipStream(File.OpenRead(Path.Combine(copy.PublishFolder, $"{ArchiveName}.tar.gz")),
            CompressionMode.Decompress);
        using var tar = new TarReader(gzip);
        var seen = new List<string>();
        while (tar.GetNextEntry(copyData: true) is { } entry)
        {
            var name = Path.GetFileName(entry.Name);
            seen.Add(entry.Name);
            Assert.Equal(name == "sidecar" ? "755" : "644", Convert.ToString((int)entry.Mode, 8));
            Assert.Equal((0, 0, new DateTimeOffset(2000, 1, 1, 0, 0, 0, TimeSpan.Zero)), (entry.Uid, entry.Gid, entry.ModificationTime));
            var source = new[] { Path.Combine(copy.PublishFolder, name), Path.Combine(copy.Root, name),
                Path.Combine(copy.Root, "src", "deploy", name) }.First(File.Exists);
            using var content = new MemoryStream();
            entry.DataStream!.CopyTo(content);
            Assert.Equal(File.ReadAllBytes(source), content.ToArray());
        }
        Assert.Equal(new[] { "sidecar", "sidecar.cdx.json", "LICENSE", "sidecar.service", "sidecar.env" }.Select(n =>
            $"{ArchiveName}/{n}"), seen);
    }

    private static string ArchiveName => $"sidecar-{RepositoryFiles.Version}-{RuntimeInformation.RuntimeIdentifier}";

    [Fact]
    public void Two_clean_publishes_in_two_places_give_the_same_bytes()
    {
        Assert.True(copy.Publish().ExitCode == 0, copy.Publish().ToString());
        using var other = new RepositoryCopy("sidecar-another-place-");
        Assert.True(other.Publish().ExitCode == 0, other.Publish().ToString());
        foreach (var name in Directory.EnumerateFiles(copy.PublishFolder).Select(Path.GetFileName))
            Assert.Equal((name, HashOf(Path.Combine(copy.PublishFolder, name!))), (name, HashOf(Path.Combine(other.PublishFolder, name!))));
    }

    /// <summary>CycloneDX 1.6: the binary, and each package of the project with version and hash.</summary>
    private static void CheckBill(JsonElement bill, string hash)
    {
        Assert.Equal(("CycloneDX", "1.6"), (bill.GetProperty("bomFormat").GetString(), bill.GetProperty("specVersion").GetString()));
        var application = bill.GetProperty("metadata").GetProperty("component");
        Assert.Equal(RepositoryFiles.Version, application.GetProperty("version").GetString());
        Assert.Equal(hash, application.GetProperty("hashes")[0].GetProperty("content").GetString());

        var versions = XDocument.Parse(RepositoryFiles.Read("Directory.Packages.props")).Descendants("PackageVersion")
            .ToDictionary(v => v.Attribute("Include")!.Value, v => v.Attribute("Version")!.Value);
        var referenced = XDocument.Parse(RepositoryFiles.Read("src", "Sidecar", "Sidecar.csproj")).Descendants("PackageReference")
            .Select(r => r.Attribute("Include")!.Value).ToList();
        var components = bill.GetProperty("components").EnumerateArray().ToDictionary(c => c.GetProperty("name").GetString()!);
        Assert.NotEmpty(referenced);
        Assert.All(referenced, name => Assert.Equal(versions[name], components[name].GetProperty("version").GetString()));
        Assert.Contains("Microsoft.DotNet.ILCompiler", components.Keys); // the runtime
        Assert.All(components, c => Assert.Equal($"pkg:nuget/{c.Key}@{c.Value.GetProperty("version").GetString()}",
            c.Value.GetProperty("purl").GetString()));
        Assert.All(components.Values, c => Assert.Equal(128, c.GetProperty("hashes")[0].GetProperty("content").GetString()!.Length));
    }

    private static string HashOf(string file) => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file)));

    /// <summary>
    /// The dictionary of RFC 7932, appendix A, begins so. That it is gone shows that src/Sidecar/Trimming.xml still meets the framework.
    /// </summary>
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
