using System.Net;
using System.Text.Json;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Discovery;

/// <summary>What one question to the API server came to.</summary>
/// <param name="Version">Of a list: the version of the cluster that it shows, from which a watch goes on.</param>
/// <param name="Status">Of the answer that failed; null when there was none.</param>
/// <param name="RetryAfter">When the API server wants to be asked again.</param>
/// <param name="Date">Its clock, where it answered.</param>
internal sealed record ObjectAnswer(
    Failure Failure = default, string? Version = null, HttpStatusCode? Status = null, TimeSpan? RetryAfter = null,
    DateTimeOffset? Date = null)
{
    public bool IsGood => Failure.IsNone;

    /// <summary>RBAC denies it, or the API server does not have it.</summary>
    public bool IsDenied => Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound;
}

/// <summary>Is given the objects of a list as they come.</summary>
/// <exception cref="FormatException">It is not such an object; the message says why, to people.</exception>
internal delegate void ObjectSink(ReadOnlyMemory<byte> json);

/// <summary>Is given the events of a watch as they come.</summary>
/// <returns>False where the watch is to end.</returns>
/// <exception cref="FormatException">It is no such event; the message says why, to people.</exception>
internal delegate bool EventSink(WatchEvent change);

/// <summary>Asks the API server for lists and watches of objects. Answers are read as they come and never held whole.</summary>
/// <param name="pulse">Beaten by each page and each read of a watch.</param>
internal sealed class ObjectClient(KubernetesOptions options, PeerClient client, TimeProvider time, Pulse? pulse = null)
{
    /// <summary>What a bounded wait may take beyond its bound before something hangs.</summary>
    public static readonly TimeSpan Slack = TimeSpan.FromMinutes(2);

    private const int PageSize = 500;

    /// <summary>More pages than any cluster has; a server that hands out tokens without end is not followed.</summary>
    private const int MostPages = 2000;

    /// <summary>Events are published together for so long, where they come faster than that.</summary>
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(200);

    /// <summary>Of one page, and of the head of a watch.</summary>
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>The API server sends a bookmark each minute; a watch that is silent for longer hangs.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromMinutes(2);

    /// <summary>All objects, page by page. What <paramref name="sink"/> was given counts only when the answer is good.</summary>
    public async Task<ObjectAnswer> ListAsync(ObjectQuery query, ObjectSink sink, CancellationToken cancellation)
    {
        string? next = null;
        for (var page = 0; page < MostPages; page++)
        {
            pulse?.Beat(Timeout + Slack);
            var url = Url(query.ListPath(PageSize, next));
            (var answer, next) = await GetPageAsync(url, query, sink, cancellation);
            if (!answer.IsGood || next is null)
                return answer;
        }
        return new ObjectAnswer(new Failure(FailureReason.Parse,
            $"{Failures.Host(options.ApiServer!)} answers pages of a list without end: {MostPages} pages of {PageSize} were read"));
    }

    /// <summary>Watches from a version on. Good if the watch timed out, was closed, or <paramref name="sink"/> ended it.</summary>
    /// <param name="changed">Called when what came is worth publishing: at once, or five times a second where more comes at once.</param>
    public async Task<ObjectAnswer> WatchAsync(
        ObjectQuery query, string version, TimeSpan duration, EventSink sink, Action changed, CancellationToken cancellation)
    {
        // The API server ends it; what it does not end by then hangs.
        var seconds = (int)Math.Ceiling(Math.Max(duration.TotalSeconds, 1));
        var url = Url(query.WatchPath(version, seconds));
        var last = TimeSpan.FromSeconds(seconds + 2);
        using var overdue = new CancellationTokenSource(last < Timeout ? last : Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(overdue.Token, cancellation);
        var started = time.GetTimestamp();
        var isOpen = false;
        pulse?.Beat(Timeout + Slack);
        try
        {
            using var response = await client.SendAsync(() => Request(url), either.Token);
            if (response.StatusCode != HttpStatusCode.OK)
                return await RefusalAsync(response, url, either.Token);
            isOpen = true;
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            var pieces = new JsonPieces(isList: false);
            var published = started;
            while (true)
            {
                var left = last - time.GetElapsedTime(started);
                overdue.CancelAfter(left < TimeSpan.Zero ? TimeSpan.Zero : left < LongestSilence ? left : LongestSilence);
                pulse?.Beat(LongestSilence + Slack);
                var read = stream.ReadAsync(pieces.Room(), either.Token).AsTask();
                var since = time.GetElapsedTime(published);
                if (!read.IsCompleted && since < Gathering)
                    await Task.WhenAny(read, Task.Delay(Gathering - since, time, either.Token));
                if (!read.IsCompleted || since >= Gathering)
                {
                    published = time.GetTimestamp();
                    changed();
                }
                if (await read is not (> 0 and var count))
                    return new ObjectAnswer();
                pieces.Filled(count);
                while (pieces.TryNext(out var piece))
                    if (!sink(WatchEvent.Read(piece)))
                        return new ObjectAnswer();
            }
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return Nonsense(url, e);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return isOpen ? new ObjectAnswer() : Failed(e, url, overdue.IsCancellationRequested);
        }
    }

    /// <summary>One page, and what asks for the next one; null at the last.</summary>
    private async Task<(ObjectAnswer Answer, string? Next)> GetPageAsync(
        Uri url, ObjectQuery query, ObjectSink sink, CancellationToken cancellation)
    {
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => Request(url), either.Token);
            if (response.StatusCode != HttpStatusCode.OK)
                return (await RefusalAsync(response, url, either.Token), null);
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            var (version, next) = await ReadPageAsync(stream, query.KindName, sink, either.Token);
            return (new ObjectAnswer(Version: version, Date: response.Headers.Date), next);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return (Nonsense(url, e), null);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return (Failed(e, url, timeout.IsCancellationRequested), null);
        }
    }

    /// <summary>A page that is cut, or of another kind, throws at its end.</summary>
    private static async Task<(string? Version, string? Next)> ReadPageAsync(
        Stream stream, string kindName, ObjectSink sink, CancellationToken cancellation)
    {
        var pieces = new JsonPieces(isList: true);
        (string? Version, string? Next) head = default;
        string? kind = null;
        while (await stream.ReadAsync(pieces.Room(), cancellation) is > 0 and var count)
        {
            pieces.Filled(count);
            while (pieces.TryNext(out var piece))
            {
                if (pieces.Field == "items")
                    sink(piece);
                else if (pieces.Field == "metadata")
                    head = JsonFields.Read(piece, static m => (m.FilledText("resourceVersion"), m.FilledText("continue")));
                else
                    kind = JsonFields.Read(piece, static value => value.AsText("it"));
            }
        }
        if (!pieces.IsWhole)
            throw new JsonException();
        if (kind != kindName + "List")
            throw new FormatException(
                kind is { Length: > 0 and < 100 } ? $"it is of kind {kind}, not {kindName}List" : $"it is not of kind {kindName}List");
        return pieces.HasItems ? head : throw new FormatException("the list has no items");
    }

    private Uri Url(string path) => new(options.ApiServer!, path);

    private async Task<ObjectAnswer> RefusalAsync(HttpResponseMessage response, Uri url, CancellationToken cancellation)
    {
        var failure = client.Redact(Failures.FromStatus(response.StatusCode, url, await Failures.ReadStartAsync(response, cancellation)));
        return new ObjectAnswer(failure, null, response.StatusCode, RetryAfter.Of(response, time), response.Headers.Date);
    }

    private ObjectAnswer Failed(Exception exception, Uri url, bool isTimeout) => new(isTimeout
        ? client.TimedOut(url, $"{Failures.Host(url)} did not answer within {Timeout.TotalSeconds}s")
        : Failures.From(exception, url));

    private static ObjectAnswer Nonsense(Uri url, Exception exception) => new(new Failure(FailureReason.Parse,
        $"{Failures.Show(url)} answers " + (exception is FormatException
            ? $"something else than was asked for: {exception.Message}" : "no JSON, or JSON that is cut or damaged")));

    private static HttpRequestMessage Request(Uri url)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        return request;
    }
}
