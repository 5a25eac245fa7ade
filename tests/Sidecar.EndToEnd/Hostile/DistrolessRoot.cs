using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Sidecar.EndToEnd.Hostile;

/// <summary>
/// A root file system with what Dockerfile.distroless names and nothing else: the executable, glibc, OpenSSL with what it needs, roots of
/// trust, and the user. The libraries are this machine's, found by <c>ldd</c>.
/// </summary>
public sealed partial class DistrolessRoot : IDisposable
{
    private const string OpenSsl = "libssl.so.3";

    private DistrolessRoot(string folder) => Folder = folder;

    public string Folder { get; }

    /// <summary>The folder that a pod has mounted for the queue, beside the root.</summary>
    public string Queue => Folder + "-queue";

    public static async Task<DistrolessRoot> CreateAsync(string binary, string serviceAccount)
    {
        var root = new DistrolessRoot(Directory.CreateTempSubdirectory("sidecar-root").FullName);
        // Library folders are where the loader looks for them by itself.
        var libraries = await LibrariesAsync(binary);
        var folder = Path.GetDirectoryName(libraries.First(l => l.Contains("libc.so.6", StringComparison.Ordinal)))!;
        var openSsl = Path.Combine(folder, OpenSsl);
        Assert.SkipUnless(File.Exists(openSsl), $"{openSsl} is not there");
        foreach (var library in libraries.Concat(await LibrariesAsync(openSsl)).Append(openSsl).Distinct())
            root.Copy(library);
        root.Copy("/etc/ssl/certs/ca-certificates.crt", mayBeMissing: true);
        root.Copy(binary, "/sidecar");
        root.Write("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n");
        root.Write("/etc/group", "root:x:0:\nnonroot:x:65532:\n");
        root.Write("/etc/nsswitch.conf", "hosts: files dns\n");
        root.Write("/etc/hosts", "127.0.0.1 localhost\n");
        // Mounted by the kubelet.
        foreach (var file in Directory.EnumerateFiles(serviceAccount))
            root.Copy(file, "/var/run/secrets/kubernetes.io/serviceaccount/" + Path.GetFileName(file));
        foreach (var mounted in new[] { "proc", "tmp", "var/lib/sidecar" })
            Directory.CreateDirectory(Path.Combine(root.Folder, mounted));
        Directory.CreateDirectory(root.Queue);
        foreach (var one in Directory.EnumerateFileSystemEntries(root.Folder, "*", SearchOption.AllDirectories).Append(root.Folder))
        {
            if (!OperatingSystem.IsWindows())
                File.SetUnixFileMode(one, (UnixFileMode)Convert.ToInt32("755", 8));
        }
        return root;
    }

    /// <summary>
    /// A shell script that becomes the sidecar: read-only, as 65532, no_new_privs, and within a memory cgroup where there can be one.
    /// </summary>
    public string Script(long memoryLimit) => $"""
        set -e
        root={Folder}
        mount --bind $root $root
        mount --bind /proc $root/proc
        mount -o remount,bind,ro $root
        mount --bind {Queue} $root/var/lib/sidecar
        chown 65532:65532 $root/var/lib/sidecar
        for group in /sys/fs/cgroup/memory/sidecar-test-$$ /sys/fs/cgroup/sidecar-test-$$; do
            mkdir $group 2>/dev/null || continue
            (echo {memoryLimit} > $group/memory.limit_in_bytes || echo {memoryLimit} > $group/memory.max) 2>/dev/null || continue
            (echo $$ > $group/cgroup.procs) 2>/dev/null && break
        done
        exec setpriv --no-new-privs chroot --userspec=65532:65532 --groups=65532 $root /sidecar
        """;

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        Directory.Delete(Queue, recursive: true);
        foreach (var hierarchy in new[] { "/sys/fs/cgroup/memory", "/sys/fs/cgroup" }.Where(Directory.Exists))
        {
            foreach (var group in Directory.EnumerateDirectories(hierarchy, "sidecar-test-*"))
            {
                try
                {
                    Directory.Delete(group); // empty once its process has ended; its files are the kernel's
                }
                catch (IOException)
                {
                    // Of another run, which still goes on.
                }
            }
        }
    }

    private void Copy(string file, string? to = null, bool mayBeMissing = false)
    {
        if (mayBeMissing && !File.Exists(file))
            return;
        var target = Folder + (to ?? file);
        Directory.CreateDirectory(Path.GetDirectoryName(target)!);
        File.Copy(File.ResolveLinkTarget(file, returnFinalTarget: true)?.FullName ?? file, target);
    }

    private void Write(string file, string text)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Folder + file)!);
        File.WriteAllText(Folder + file, text);
    }

    private static async Task<List<string>> LibrariesAsync(string file)
    {
        using var ldd = Process.Start(new ProcessStartInfo("ldd", [file]) { RedirectStandardOutput = true })!;
        var output = await ldd.StandardOutput.ReadToEndAsync();
        await ldd.WaitForExitAsync();
        return [.. LibraryPattern().Matches(output).Select(m => m.Groups[1].Value)];
    }

    [GeneratedRegex(@"(/\S+) \(0x")]
    private static partial Regex LibraryPattern();
}
