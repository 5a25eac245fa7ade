using System.Diagnostics;

namespace Sidecar.EndToEnd;

/// <summary>
/// An ext4 of its own on a loop device, which can be frozen: whoever writes to it then hangs in the kernel until it thaws. Needs root.
/// </summary>
public sealed class FrozenDisk : IAsyncDisposable
{
    private readonly string parent;
    private bool isMounted;

    private FrozenDisk(string parent) => this.parent = parent;

    public string Folder => Path.Combine(parent, "disk");

    /// <summary>Null, with the reason, where this machine cannot do it.</summary>
    public static async Task<(FrozenDisk? Disk, string Reason)> TryCreateAsync()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root")
            return (null, "only root can freeze a file system");
        var disk = new FrozenDisk(Directory.CreateTempSubdirectory("frozen").FullName);
        Directory.CreateDirectory(disk.Folder);
        var image = Path.Combine(disk.parent, "image");
        await using (var file = File.Create(image))
            file.SetLength(48 << 20);
        if (await disk.RunAsync("mkfs.ext4", "-q", image)
            && (disk.isMounted = await disk.RunAsync("mount", "-o", "loop", image, disk.Folder))
            && await disk.RunAsync("fsfreeze", "-f", disk.Folder) && await disk.RunAsync("fsfreeze", "-u", disk.Folder))
            return (disk, "");
        await disk.DisposeAsync();
        return (null, "this machine lets no ext4 be mounted from a file and frozen");
    }

    public async Task FreezeAsync() => Assert.True(await RunAsync("fsfreeze", "-f", Folder));

    public async Task ThawAsync() => Assert.True(await RunAsync("fsfreeze", "-u", Folder));

    /// <summary>After whoever uses it has ended, or it stays mounted.</summary>
    public async ValueTask DisposeAsync()
    {
        if (isMounted)
        {
            await RunAsync("fsfreeze", "-u", Folder); // where a test failed while it was frozen
            for (var tries = 0; tries < 20 && !await RunAsync("umount", Folder); tries++)
                await Task.Delay(100);
        }
        Directory.Delete(parent, recursive: true);
    }

    private async Task<bool> RunAsync(string program, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
            await process.WaitForExitAsync();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
