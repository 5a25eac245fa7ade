using System.Net;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Cluster;

/// <summary>What <c>/metrics</c> of a stand-in answers, settable while it runs.</summary>
public sealed class TargetBehaviour
{
    public const string TextContentType = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";

    private int scrapes;

    /// <summary>The gzipped exposition for a scrape, counted from 1.</summary>
    public Func<int, byte[]> Gzip { get; set; } = _ => [];

    public HttpStatusCode Status { get; set; } = HttpStatusCode.OK;

    public string? ContentType { get; set; } = TextContentType;

    /// <summary>Sends plain text whatever the client accepts.</summary>
    public bool IsPlain { get; set; }

    /// <summary>Declares the whole body and cuts the connection after so many bytes.</summary>
    public int? CutAfter { get; set; }

    /// <summary>Who asks for protobuf first gets the text as protobuf, each histogram in both forms, as from Kubernetes 1.37 on.</summary>
    public bool HasBothForms { get; set; }

    /// <summary>Answers only after this.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Scrapes served so far, faulty ones included.</summary>
    public int Scrapes => Volatile.Read(ref scrapes);

    /// <summary>Headers of the last request.</summary>
    public IReadOnlyDictionary<string, string> LastHeaders { get; private set; } = new Dictionary<string, string>();

    /// <summary>Query of the last request, with its question mark.</summary>
    public string LastQuery { get; private set; } = "";

    /// <summary>Serves this exposition from now on.</summary>
    public void Serve(string text) => ServeGzip(Compress(System.Text.Encoding.UTF8.GetBytes(text)));

    public void ServeGzip(byte[] gzip) => Gzip = _ => gzip;

    public static byte[] Compress(ReadOnlySpan<byte> text)
    {
        var compressed = new MemoryStream();
        using (var gzip = new System.IO.Compression.GZipStream(compressed, System.IO.Compression.CompressionLevel.Fastest))
            gzip.Write(text);
        return compressed.ToArray();
    }

    private static async Task<byte[]> InflateAsync(byte[] body)
    {
        using var plain = new MemoryStream();
        using var gzip = new System.IO.Compression.GZipStream(new MemoryStream(body), System.IO.Compression.CompressionMode.Decompress);
        await gzip.CopyToAsync(plain);
        return plain.ToArray();
    }

    internal async Task AnswerAsync(HttpContext context)
    {
        LastHeaders = context.Request.Headers.ToDictionary(h => h.Key, h => h.Value.ToString());
        LastQuery = context.Request.QueryString.ToString();
        var body = Gzip(Interlocked.Increment(ref scrapes));
        if (Delay > TimeSpan.Zero)
            await Task.Delay(Delay, context.RequestAborted);
        var response = context.Response;
        response.StatusCode = (int)Status;
        if (ContentType is not null)
            response.ContentType = ContentType;
        var accept = context.Request.Headers.Accept.ToString();
        if (HasBothForms && accept.StartsWith("application/vnd.google.protobuf", StringComparison.Ordinal))
        {
            response.ContentType = BothForms.ContentType;
            body = Compress(BothForms.Of(System.Text.Encoding.UTF8.GetString(await InflateAsync(body))));
        }
        if (IsPlain || !context.Request.Headers.AcceptEncoding.ToString().Contains("gzip"))
        {
            body = await InflateAsync(body);
        }
        else
            response.Headers.ContentEncoding = "gzip";
        response.ContentLength = body.Length;
        if (CutAfter is { } length)
        {
            await response.Body.WriteAsync(body.AsMemory(0, Math.Min(length, body.Length)));
            await response.Body.FlushAsync();
            context.Features.Get<IHttpRequestLifetimeFeature>()!.Abort();
            return;
        }
        await response.Body.WriteAsync(body);
    }
}
