using System.Text;
using Microsoft.AspNetCore.Connections;

namespace Cluster;

/// <summary>Go's answer to plain HTTP on a TLS port, told by the first byte: a TLS handshake begins with 22.</summary>
internal static class PlainHttpOnTls
{
    private static readonly byte[] Answer =
        Encoding.ASCII.GetBytes("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");

    public static async Task RunAsync(ConnectionContext connection, ConnectionDelegate next)
    {
        var input = connection.Transport.Input;
        var read = await input.ReadAsync();
        var isPlain = read.Buffer.Length > 0 && read.Buffer.FirstSpan[0] != 22;
        input.AdvanceTo(read.Buffer.Start); // the TLS middleware sees it too
        if (!isPlain)
        {
            await next(connection);
            return;
        }
        await connection.Transport.Output.WriteAsync(Answer);
        await connection.Transport.Output.CompleteAsync();
    }
}
