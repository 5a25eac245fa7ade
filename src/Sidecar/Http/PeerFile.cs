using System.Buffers;
using Sidecar.Primitives;

namespace Sidecar.Http;

/// <summary>Small files of tokens and PEM that others replace while we run: read whole, with a bound, and failures in words.</summary>
internal static class PeerFile
{
    /// <summary>Reads a file of at most <paramref name="most"/> bytes.</summary>
    /// <exception cref="PeerException">It cannot be read, or is larger.</exception>
    public static byte[] Read(string path, int most) => Read(path, most, static bytes => bytes.ToArray());

    /// <summary>The same without an array of its own: what <paramref name="make"/> makes of the bytes.</summary>
    public static T Read<T>(string path, int most, Func<ReadOnlySpan<byte>, T> make)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(4096);
        try
        {
            using var file = File.OpenHandle(path);
            var length = 0;
            while (true)
            {
                if (length > most)
                    throw Bad($"the file {path} is larger than {most / 1024} KiB");
                if (length == buffer.Length)
                    buffer = Grow(buffer);
                var read = RandomAccess.Read(file, buffer.AsSpan(length), length);
                if (read == 0)
                    return make(buffer.AsSpan(0, length));
                length += read;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Bad($"the file {path} {Cause(path, e)}");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    public static PeerException Bad(string message) => new(new Failure(FailureReason.Credentials, message));

    private static byte[] Grow(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        return larger;
    }

    private static string Cause(string path, Exception e) => e switch
    {
        FileNotFoundException or DirectoryNotFoundException => "does not exist",
        _ when Directory.Exists(path) => "is a folder",
        UnauthorizedAccessException => "may not be read by this user",
        _ => "cannot be read",
    };
}
