namespace Sidecar.Queueing;

/// <summary>Failures of the file system: which are expected, their errno on Linux, and words for people.</summary>
internal static class FileErrors
{
    public const int NoSuchFile = 2;
    public const int InputOutput = 5;
    public const int NoDeviceBehind = 6;
    public const int TryAgain = 11;
    public const int Denied = 13;
    public const int Exists = 17;
    public const int NotAFolder = 20;
    public const int IsAFolder = 21;
    public const int IsALink = 40;

    public static bool IsExpected(Exception e) => e is IOException or UnauthorizedAccessException or NotSupportedException;

    /// <summary>The errno behind an exception of a call; 0 where there is none.</summary>
    public static int Number(Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => NoSuchFile,
        UnauthorizedAccessException => Denied,
        _ => e.HResult & 0xffff,
    };

    public static string Words(Exception e) => e switch
    {
        UnauthorizedAccessException => "permission denied, or the file system is read-only",
        DirectoryNotFoundException => "there is no such folder",
        FileNotFoundException => "there is no such file",
        _ => Number(e) switch
        {
            28 => "no space left on the device",
            30 => "the file system is read-only",
            InputOutput => "input/output error: the disk is failing",
            122 => "the disk quota is exceeded",
            27 => "the file is too large",
            Denied => "permission denied",
            TryAgain => "another process has the folder",
            NotAFolder or Exists => "a file is in the way",
            NoDeviceBehind or IsALink or IsAFolder => "something that is not a regular file is in the way",
            116 => "the network file system has lost it (stale handle)",
            var errno => $"error {errno} of the operating system",
        },
    };

    public static string Words(FileDamage damage) => damage switch
    {
        FileDamage.Foreign => "it was not written by the sidecar",
        FileDamage.UnknownVersion => "it was written by another version of the sidecar, which can still send it",
        FileDamage.Truncated => "it ends too early",
        FileDamage.Nonsense => "its checksum is right and its header is impossible: somebody has edited it",
        FileDamage.TooLarge => "no scrape is that large",
        _ => "checksum mismatch: the file is corrupt",
    };
}
