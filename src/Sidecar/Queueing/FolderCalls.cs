using System.Runtime.InteropServices;

namespace Sidecar.Queueing;

/// <summary>A call to the file system that the queue makes.</summary>
internal enum FolderCall
{
    /// <summary>A new file is opened for writing.</summary>
    Create,
    /// <summary>Its bytes were handed over and are made durable.</summary>
    Flush,
    Rename,
    /// <summary>The folder's entries are made durable.</summary>
    FlushFolder,
    Remove,
    List,
    Read,
}

/// <summary>All that the queue does with files. <see cref="Before"/> is where tests let a call fail, or the power.</summary>
internal sealed partial class FolderCalls
{
    /// <summary>Called with what is about to happen; throws in its stead.</summary>
    public Action<FolderCall, string>? Before { get; init; }

    public FileStream Create(string path)
    {
        Before?.Invoke(FolderCall.Create, path);
        return new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    public void Flush(FileStream file)
    {
        Before?.Invoke(FolderCall.Flush, file.Name);
        file.Flush(flushToDisk: true);
    }

    public void Rename(string from, string to)
    {
        Before?.Invoke(FolderCall.Rename, from);
        File.Move(from, to, overwrite: true);
    }

    /// <summary>A rename is durable only when the folder is: POSIX, fsync of the directory.</summary>
    public void FlushFolder(string folder)
    {
        Before?.Invoke(FolderCall.FlushFolder, folder);
        if (!OperatingSystem.IsLinux())
            return;
        var descriptor = open(folder, ReadOnly);
        if (descriptor < 0)
            throw new IOException("open", Marshal.GetLastSystemError());
        var failed = fsync(descriptor) != 0;
        var error = Marshal.GetLastSystemError();
        _ = close(descriptor);
        if (failed)
            throw new IOException("fsync", error);
    }

    public void Remove(string path)
    {
        Before?.Invoke(FolderCall.Remove, path);
        File.Delete(path);
    }

    /// <summary>Files of the folder, without those of folders in it.</summary>
    public string[] List(string folder)
    {
        Before?.Invoke(FolderCall.List, folder);
        return Directory.GetFiles(folder);
    }

    public FileStream Read(string path)
    {
        Before?.Invoke(FolderCall.Read, path);
        return new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    /// <summary>O_RDONLY of fcntl.h.</summary>
    private const int ReadOnly = 0;

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync")]
    private static partial int fsync(int descriptor);

    [LibraryImport("libc", EntryPoint = "close")]
    private static partial int close(int descriptor);
}
