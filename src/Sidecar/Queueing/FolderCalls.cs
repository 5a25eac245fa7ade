using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sidecar.Queueing;

/// <summary>A call to the file system that the queue makes.</summary>
internal enum FolderCall
{
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

/// <summary>All file calls of the queue. Opens regular files only, never links, never waiting. <see cref="Before"/> is for tests.</summary>
internal sealed partial class FolderCalls
{
    // Flags of open on Linux (include/uapi/asm-generic); O_NOFOLLOW differs between processors.
    private const int ReadOnly = 0;
    private const int WriteOnly = 1;
    private const int ReadWrite = 2;
    private const int CreateMissing = 0x40;
    private const int Truncate = 0x200;
    private const int NonBlocking = 0x800;
    private const int CloseOnExec = 0x80000;
    private const int SetFlags = 4; // F_SETFL
    private const int LockAtOnce = 2 | 4; // LOCK_EX | LOCK_NB
    private const int EveryMode = 0x1b6; // 0666, less the umask

    private static readonly int NoFollow =
        RuntimeInformation.ProcessArchitecture is Architecture.Arm or Architecture.Arm64 ? 0x8000 : 0x20000;

    private long calls;

    /// <summary>Called with what is about to happen; throws in its stead.</summary>
    public Action<FolderCall, string>? Before { get; init; }

    /// <summary>Calls begun so far: while it grows, the file system answers.</summary>
    public long Count => Volatile.Read(ref calls);

    public FileStream Create(string path)
    {
        Begin(FolderCall.Create, path);
        return OperatingSystem.IsLinux()
            ? new FileStream(OpenRegular(path, WriteOnly | CreateMissing | Truncate), FileAccess.Write, bufferSize: 0)
            : new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
    }

    public void Flush(FileStream file, string path)
    {
        Begin(FolderCall.Flush, path);
        file.Flush(flushToDisk: true);
    }

    public void Rename(string from, string to)
    {
        Begin(FolderCall.Rename, from);
        File.Move(from, to, overwrite: true);
    }

    /// <summary>A rename is durable only when the folder is: POSIX, fsync of the directory.</summary>
    public void FlushFolder(string folder)
    {
        Begin(FolderCall.FlushFolder, folder);
        if (!OperatingSystem.IsLinux())
            return;
        using var descriptor = Opened(open(folder, ReadOnly | CloseOnExec, 0), folder);
        if (fsync(descriptor) != 0)
            throw Failed(Marshal.GetLastPInvokeError(), folder);
    }

    public void Remove(string path)
    {
        Begin(FolderCall.Remove, path);
        File.Delete(path);
    }

    public IEnumerable<string> List(string folder)
    {
        Begin(FolderCall.List, folder);
        return Directory.EnumerateFiles(folder);
    }

    public FileStream Read(string path)
    {
        Begin(FolderCall.Read, path);
        return OperatingSystem.IsLinux()
            ? new FileStream(OpenRegular(path, ReadOnly), FileAccess.Read, bufferSize: 0)
            : new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
    }

    public void MakeFolder(string path)
    {
        Interlocked.Increment(ref calls);
        Directory.CreateDirectory(path);
    }

    public bool Exists(string path)
    {
        Interlocked.Increment(ref calls);
        return File.Exists(path);
    }

    /// <summary>Holds the file for this process until it is disposed of; null when another process holds it.</summary>
    public IDisposable? Lock(string path)
    {
        Interlocked.Increment(ref calls);
        if (!OperatingSystem.IsLinux())
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        var descriptor = OpenRegular(path, ReadWrite | CreateMissing);
        if (flock(descriptor, LockAtOnce) == 0)
            return descriptor;
        var error = Marshal.GetLastPInvokeError();
        descriptor.Dispose();
        return error == FileErrors.TryAgain ? null : throw Failed(error, path);
    }

    private void Begin(FolderCall call, string path)
    {
        Interlocked.Increment(ref calls);
        Before?.Invoke(call, path);
    }

    private static SafeFileHandle OpenRegular(string path, int flags)
    {
        var descriptor = Opened(open(path, flags | NoFollow | NonBlocking | CloseOnExec, EveryMode), path);
        Span<byte> status = stackalloc byte[256]; // struct statx, whose shape is the same everywhere: stx_mode is at 28
        if (statx(descriptor, "", EmptyPath, TypeOnly, ref MemoryMarshal.GetReference(status)) != 0)
        {
            var error = Marshal.GetLastPInvokeError();
            descriptor.Dispose();
            throw Failed(error, path);
        }
        if ((MemoryMarshal.Read<ushort>(status[28..]) & TypeMask) != RegularFile)
        {
            descriptor.Dispose();
            throw Failed(FileErrors.NoDeviceBehind, path);
        }
        _ = fcntl(descriptor, SetFlags, 0); // only opening was not to block
        return descriptor;
    }

    private static SafeFileHandle Opened(int descriptor, string path) =>
        descriptor >= 0 ? new SafeFileHandle(descriptor, ownsHandle: true) : throw Failed(Marshal.GetLastPInvokeError(), path);

    private static IOException Failed(int error, string path) =>
        error == FileErrors.NoSuchFile ? new FileNotFoundException("no such file", path) : new IOException(path, error);

    private const int EmptyPath = 0x1000; // AT_EMPTY_PATH
    private const uint TypeOnly = 1; // STATX_TYPE
    private const int TypeMask = 0xf000; // S_IFMT
    private const int RegularFile = 0x8000; // S_IFREG

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int statx(SafeFileHandle descriptor, string path, int flags, uint mask, ref byte status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(SafeFileHandle descriptor, int command, int argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int flock(SafeFileHandle descriptor, int operation);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fsync(SafeFileHandle descriptor);
}
