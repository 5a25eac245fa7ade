using System.Buffers;
using System.IO.Compression;
using System.Net;
using System.Net.Http.Headers;
using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Memory;
using Sidecar.Primitives;
using Sidecar.Queueing;

namespace Sidecar.Scraping;

/// <summary>Fetches a target's exposition, compressed by the target or on arrival.</summary>
/// <param name="queue">Where bodies go; it bounds one of them.</param>
/// <param name="largeBodies">Shared by all jobs.</param>
/// <param name="own">Renders the body where the target is this process, in text format 0.0.4; null where there is somebody to ask.</param>
internal sealed class BodyDownload(
    PeerClient client, ScrapeOptions options, QueueOptions queue, LargeBodies largeBodies, TimeProvider time,
    Action<IBufferWriter<byte>>? own = null)
{
    /// <summary>A target that always has more to read would keep a worker for itself, and there are few.</summary>
    private const int ReadsBetweenYields = 64;

    private readonly string accept = ScrapeProtocols.Accept(options.Protocols);

    /// <summary>Of the body that is fetched next; to be disposed of when it has been worked through.</summary>
    public LargeBodies.Slot BeginBody() => largeBodies.Begin();

    /// <summary>Why a body was not taken, as it may be shown: it may hold what the target was sent.</summary>
    public Failure Redact(Failure failure) => client.Redact(failure);

    /// <summary>The body, complete, or why there is none. A cut connection, a wrong status and a wrong format yield no body.</summary>
    public async Task<(CompressedBody? Body, Failure Failure)> GetAsync(Target target, LargeBodies.Slot turn,
        CancellationToken cancellation)
    {
        if (own is not null)
            return (Render(own), default);
        using var timeout = new CancellationTokenSource(Timeout(target), time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        var body = new CompressedBody();
        try
        {
            using var response = await client.SendAsync(() => Request(target), either.Token);
            var failure = response.StatusCode == HttpStatusCode.OK
                ? await ReadAsync(response, body, turn, either.Token)
                : Failures.FromStatus(response.StatusCode, target.Url, await Failures.ReadStartAsync(response, either.Token));
            if (failure.IsNone)
                return (body, failure);
            body.Release();
            return (null, failure);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            body.Release();
            cancellation.ThrowIfCancellationRequested();
            var isTimeout = timeout.IsCancellationRequested;
            return (null, isTimeout
                ? client.TimedOut(target.Url, $"the target did not answer completely within SIDECAR_SCRAPE_TIMEOUT ({Seconds(target)}s)")
                : Failures.From(e, target.Url));
        }
    }

    private static CompressedBody Render(Action<IBufferWriter<byte>> own)
    {
        var text = new ArrayBufferWriter<byte>(16 * 1024);
        own(text);
        var body = new CompressedBody { Format = BodyFormat.PrometheusText004 };
        using (var gzip = new GZipStream(body.OpenWrite(), CompressionLevel.Fastest))
            gzip.Write(text.WrittenSpan);
        return body;
    }

    private HttpRequestMessage Request(Target target)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, target.Url);
        request.Headers.TryAddWithoutValidation("Accept", accept);
        request.Headers.TryAddWithoutValidation("Accept-Encoding", "gzip");
        request.Headers.TryAddWithoutValidation("X-Prometheus-Scrape-Timeout-Seconds", Seconds(target));
        return request;
    }

    private TimeSpan Timeout(Target target) => target.Timeout ?? options.Timeout;

    private string Seconds(Target target) => Timeout(target).TotalSeconds.ToString("0.###");

    private async Task<Failure> ReadAsync(HttpResponseMessage response, CompressedBody body, LargeBodies.Slot turn,
        CancellationToken cancellation)
    {
        var encodings = response.Content.Headers.ContentEncoding;
        var isGzip = encodings.Count == 1 && encodings.First().Equals("gzip", StringComparison.OrdinalIgnoreCase);
        if (encodings.Count > 0 && !isGzip && !(encodings.Count == 1 && encodings.First() == "identity"))
            return new Failure(FailureReason.ContentEncoding,
                $"the target answers with Content-Encoding {Shorten(string.Join(", ", encodings))}; only gzip was asked for");

        using var stream = await response.Content.ReadAsStreamAsync(cancellation);
        var first = await stream.ReadAsync(body.FreeSpace(), cancellation);
        if (first > 0 && ReadFormat(response.Content.Headers, body) is { IsNone: false } wrong)
            return wrong;
        if (isGzip)
        {
            body.Advance(first);
            return first == 0 ? default : await ReadGzipAsync(stream, body, response.Content.Headers.ContentLength, turn, cancellation);
        }
        return await CompressAsync(stream, body, first, turn, cancellation);
    }

    private async Task<Failure> ReadGzipAsync(
        Stream stream, CompressedBody body, long? length, LargeBodies.Slot turn, CancellationToken cancellation)
    {
        for (var reads = 1; ; reads++)
        {
            if (body.Length > queue.BodyLimit)
                return TooLarge(length ?? 0);
            await turn.GrowAsync(body.Length + BlockPool.BlockSize, cancellation);
            var read = await stream.ReadAsync(body.FreeSpace(), cancellation);
            if (read == 0)
                return default;
            body.Advance(read);
            if (reads % ReadsBetweenYields == 0)
                await Task.Yield();
        }
    }

    private async Task<Failure> CompressAsync(Stream stream, CompressedBody body, int first, LargeBodies.Slot turn,
        CancellationToken cancellation)
    {
        var plain = BlockPool.Rent();
        try
        {
            body.FreeSpace().Span[..first].CopyTo(plain.Span);
            var read = first;
            if (first is > 0 and < CompressedBody.MostStored)
            {
                read += await stream.ReadAtLeastAsync(plain.Memory(CompressedBody.MostStored)[first..], CompressedBody.MostStored - first,
                    throwOnEndOfStream: false, cancellation);
                // Small bodies, of which there may be thousands a second, are not worth a compressor: 256 KiB, which are cleared first.
                if (read < CompressedBody.MostStored && (options.BodySizeLimit <= 0 || read < options.BodySizeLimit))
                {
                    body.AppendStored(plain.Span[..read]);
                    return default;
                }
            }
            using var gzip = new GZipStream(body.OpenWrite(), CompressionLevel.Fastest);
            long total = 0;
            var reads = 0;
            for (; read > 0; read = await stream.ReadAsync(plain.Memory(BlockPool.BlockSize), cancellation))
            {
                total += read;
                if (options.BodySizeLimit > 0 && total >= options.BodySizeLimit)
                    return new Failure(FailureReason.BodySizeLimit,
                        $"the body reaches SIDECAR_BODY_SIZE_LIMIT ({options.BodySizeLimit} bytes uncompressed)");
                gzip.Write(plain.Span[..read]);
                if (body.Length > queue.BodyLimit)
                    return TooLarge(0);
                await turn.GrowAsync(body.Length, cancellation);
                if (++reads % ReadsBetweenYields == 0)
                    await Task.Yield();
            }
            return default;
        }
        finally
        {
            BlockPool.Return(plain);
        }
    }

    /// <param name="size">Compressed bytes of the whole body where they are known, else 0.</param>
    private Failure TooLarge(long size) => new(FailureReason.BodySizeLimit,
        (size > 0 ? $"the body has {size} bytes compressed, more than" : "compressed, the body is larger than")
            + $" the {queue.BodyLimit} that SIDECAR_QUEUE_SIZE_LIMIT={Sizes.Format(queue.SizeLimit)} leaves for one: "
            + $"set it to {Sizes.Format(queue.SizeLimitFor(Math.Max(size, 2 * queue.BodyLimit)))} or more",
        FailureDetail.QueueSizeLimit);

    /// <summary>As in Prometheus 3 without a fallback: a missing or unknown type fails the scrape.</summary>
    private Failure ReadFormat(HttpContentHeaders headers, CompressedBody body)
    {
        if (!headers.TryGetValues("Content-Type", out var values) || string.Join(",", values) is not { Length: > 0 } text)
            return new Failure(FailureReason.ContentType, "the target does not say what it serves: the Content-Type is missing");
        if (ScrapeProtocols.FromContentType(text, options.ReadsNative) is not { } format)
            return new Failure(FailureReason.ContentType, $"the target serves {Shorten(text)}, which is no exposition format "
                + "(text/plain, application/openmetrics-text, application/vnd.google.protobuf)");
        (body.Format, body.Reading) = (format, options.Reading);
        return default;
    }

    private static string Shorten(string text) => text.Length > 100 ? text[..100] + "…" : text;
}
