using System.Diagnostics;

namespace Cluster.Campaigns;

/// <summary>
/// The queue directory: on a file system of its own (ext4 on a loop device) where this process may mount one, so that it can be full and
/// can be frozen; else a plain folder, which can be neither.
/// </summary>
public sealed class QueueDisk : IAsyncDisposable
{
    private const int Megabytes = 48;

    private readonly string root;
    private readonly Process? undertaker;

    private QueueDisk(string root, Process? undertaker)
    {
        this.root = root;
        this.undertaker = undertaker;
    }

    /// <summary>It can be full and frozen.</summary>
    public bool IsOwn => undertaker is not null;

    public string Folder => Path.Combine(Mount, "queue");

    private string Mount => Path.Combine(root, "disk");

    private string Ballast => Path.Combine(Mount, "ballast");

    public static async Task<QueueDisk> CreateAsync()
    {
        var root = Directory.CreateTempSubdirectory("campaign").FullName;
        var mount = Directory.CreateDirectory(Path.Combine(root, "disk")).FullName;
        var image = Path.Combine(root, "image");
        var isMounted = OperatingSystem.IsLinux() && Environment.UserName == "root" && await ShellAsync(
            $"truncate -s {Megabytes}M '{image}' && mkfs.ext4 -q -F -m 0 '{image}' && mount -o loop '{image}' '{mount}' "
            + $"&& fsfreeze -f '{mount}' && fsfreeze -u '{mount}'");
        // However this process ends, its pipe closes, and then somebody thaws, unmounts (which frees the loop device) and tidies up.
        var undertaker = isMounted
            ? Process.Start(new ProcessStartInfo("/bin/sh",
            [
                "-c",
                $"trap '' INT TERM HUP; cat >/dev/null; fsfreeze -u '{mount}'; umount '{mount}' || umount -l '{mount}'; rm -rf '{root}'",
            ])
            {
                RedirectStandardInput = true,
                RedirectStandardError = true,
            })
            : null;
        var disk = new QueueDisk(root, undertaker);
        Directory.CreateDirectory(disk.Folder);
        return disk;
    }

    /// <summary>Files that wait to be sent.</summary>
    public string[] Waiting() => Directory.GetFiles(Folder, "*.scrape");

    public Task FreezeAsync() => ShellAsync($"fsfreeze -f '{Mount}'");

    public Task ThawAsync() => ShellAsync($"fsfreeze -u '{Mount}'");

    /// <summary>Not a byte is left.</summary>
    public Task FillAsync() =>
        ShellAsync($"dd if=/dev/zero of='{Ballast}' bs=64k; dd if=/dev/zero of='{Ballast}' bs=512 oflag=append conv=notrunc");

    public void Empty() => File.Delete(Ballast);

    public async ValueTask DisposeAsync()
    {
        if (undertaker is null)
        {
            Directory.Delete(root, recursive: true);
            return;
        }
        undertaker.StandardInput.Close();
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        await undertaker.WaitForExitAsync(patience.Token);
        undertaker.Dispose();
    }

    private static async Task<bool> ShellAsync(string command)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", command]) { RedirectStandardError = true, RedirectStandardOutput = true };
        using var shell = Process.Start(start)!;
        var said = Task.WhenAll(shell.StandardError.ReadToEndAsync(), shell.StandardOutput.ReadToEndAsync());
        await shell.WaitForExitAsync();
        await said;
        return shell.ExitCode == 0;
    }
}
