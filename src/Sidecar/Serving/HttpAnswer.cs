using System.Buffers;
using System.Globalization;
using System.Net;

namespace Sidecar.Serving;

/// <summary>One answer of the listener: status, media type and the whole body.</summary>
/// <param name="Rented">The array of the shared pool that holds the body; null where it is nobody's to return.</param>
internal readonly record struct HttpAnswer(int Status, string ContentType, ReadOnlyMemory<byte> Body, byte[]? Rented = null)
{
    /// <summary>Pages bring their style and their icon with them, and nothing else is loaded, run, sent or framed.</summary>
    private const string Policy =
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    public static HttpAnswer Text(int status, string sentence) =>
        new(status, "text/plain; charset=utf-8", Encoding.UTF8.GetBytes(sentence + "\n"));

    /// <summary>For a request that cannot be served. The words are ours alone: nothing of the request comes back.</summary>
    public static HttpAnswer Refusal(int status) => Text(status, Phrase(status));

    /// <summary>Status line, fields and, but for HEAD, the body.</summary>
    public ReadOnlyMemory<byte> Serialize(DateTimeOffset now, bool withBody, bool keepAlive)
    {
        var output = new ArrayBufferWriter<byte>(512 + (withBody ? Body.Length : 0));
        var allow = Status == 405 ? "Allow: GET, HEAD\r\n" : "";
        Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"""
            HTTP/1.1 {Status} {Phrase(Status)}
            Date: {now:R}
            Content-Type: {ContentType}
            Content-Length: {Body.Length}
            Cache-Control: no-store
            X-Content-Type-Options: nosniff
            Content-Security-Policy: {Policy}
            Connection: {(keepAlive ? "keep-alive" : "close")}

            """).ReplaceLineEndings("\r\n") + allow + "\r\n", output);
        if (withBody)
            output.Write(Body.Span);
        return output.WrittenMemory;
    }

    private static string Phrase(int status)
    {
        using var known = new HttpResponseMessage((HttpStatusCode)status);
        return known.ReasonPhrase ?? "Error";
    }
}
