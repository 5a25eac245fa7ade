using System.Net;
using System.Text.Json;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary>What the API server said to one question of the kind that discovery asks.</summary>
/// <param name="status">0 where there was no answer.</param>
/// <param name="failure">None for 200.</param>
/// <param name="hasObject">The Service has a slice, or an Endpoints object.</param>
/// <param name="date">Its clock, by the answer's Date header.</param>
internal sealed class ApiAnswer(HttpStatusCode status, Failure failure, bool hasObject, DateTimeOffset? date)
{
    public Failure Failure { get; } = failure;

    public bool HasObject { get; } = hasObject;

    public DateTimeOffset? Date { get; } = date;

    public bool IsForbidden => status == HttpStatusCode.Forbidden;

    public bool IsNotFound => status == HttpStatusCode.NotFound;
}

/// <summary>Asks what discovery asks, of one object only, so that each kind can be told to be allowed or not.</summary>
internal sealed class ApiServerProbe(KubernetesOptions options, PeerClient client, TimeProvider time)
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(15);

    public Task<ApiAnswer> ListAsync(ObjectQuery query, CancellationToken cancellation) =>
        AskAsync(query.ListPath(pageSize: 1, next: null), isWatch: false, cancellation);

    /// <summary>Whether it may be watched; no event is waited for.</summary>
    public Task<ApiAnswer> WatchAsync(ObjectQuery query, CancellationToken cancellation) =>
        AskAsync(query.WatchPath(version: "", seconds: 1), isWatch: true, cancellation);

    private async Task<ApiAnswer> AskAsync(string path, bool isWatch, CancellationToken cancellation)
    {
        var url = new Uri(options.ApiServer!, path);
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => ObjectClient.Request(url), either.Token);
            var date = response.Headers.Date;
            if (isWatch && response.StatusCode == HttpStatusCode.OK)
                return new ApiAnswer(response.StatusCode, default, true, date);
            var start = await Failures.ReadStartAsync(response, either.Token);
            if (response.StatusCode == HttpStatusCode.OK)
                return new ApiAnswer(response.StatusCode, default, HasItems(start), date);
            var failure = client.Redact(Failures.FromStatus(response.StatusCode, url, start));
            return new ApiAnswer(response.StatusCode, failure, false, date);
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return new ApiAnswer(0, timeout.IsCancellationRequested
                ? new Failure(FailureReason.Timeout, $"{Failures.Host(url)} did not answer within {Timeout.TotalSeconds}s")
                : Failures.From(e, url), false, null);
        }
    }

    /// <summary>A list whose items are not empty, as the beginning of the answer tells.</summary>
    private static bool HasItems(byte[] start)
    {
        try
        {
            var json = new Utf8JsonReader(start, isFinalBlock: false, default);
            while (json.Read())
            {
                if (json.TokenType == JsonTokenType.PropertyName && json.CurrentDepth == 1 && json.ValueTextEquals("items"u8))
                    return json.Read() && json.TokenType == JsonTokenType.StartArray && json.Read()
                        && json.TokenType != JsonTokenType.EndArray;
            }
            return true;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return true; // discovery will say what is wrong with it
        }
    }
}
