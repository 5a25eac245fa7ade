using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Hosting;

/// <summary>What the API server said of the Lease.</summary>
/// <param name="Status">0 where it said nothing.</param>
/// <param name="Record">There where <paramref name="Failure"/> is none.</param>
internal readonly record struct LeaseAnswer(HttpStatusCode Status, LeaseRecord? Record, Failure Failure)
{
    public bool IsGood => Record is not null;
}

/// <summary>Reads and writes one Lease.</summary>
internal sealed class LeaseClient(LeaseOptions options, PeerClient client, TimeProvider time)
{
    /// <summary>No Lease is longer, bytes.</summary>
    private const int LongestLease = 256 * 1024;

    private readonly Uri collection = new(options.ApiServer, $"apis/coordination.k8s.io/v1/namespaces/{options.Namespace}/leases");

    public Uri Url => new($"{collection.AbsoluteUri}/{options.Name}");

    public Task<LeaseAnswer> GetAsync(TimeSpan timeout, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Get, Url, null, timeout, cancellation);

    public Task<LeaseAnswer> CreateAsync(LeaseRecord record, TimeSpan timeout, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Post, collection, record, timeout, cancellation);

    /// <summary>Fails with a conflict where the object has another version by now.</summary>
    public Task<LeaseAnswer> UpdateAsync(LeaseRecord record, TimeSpan timeout, CancellationToken cancellation) =>
        SendAsync(HttpMethod.Patch, Url, record, timeout, cancellation);

    private async Task<LeaseAnswer> SendAsync(
        HttpMethod method, Uri url, LeaseRecord? record, TimeSpan timeout, CancellationToken cancellation)
    {
        using var late = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(late.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(Request, either.Token);
            if (response.StatusCode is not (HttpStatusCode.OK or HttpStatusCode.Created))
                return new(response.StatusCode, null, client.Redact(Failures.FromStatus(response.StatusCode, url,
                    await Failures.ReadStartAsync(response, either.Token))));
            var body = new byte[LongestLease];
            using var stream = await response.Content.ReadAsStreamAsync(either.Token);
            var length = await stream.ReadAtLeastAsync(body, body.Length, throwOnEndOfStream: false, either.Token);
            return new(response.StatusCode, LeaseRecord.Read(body.AsMemory(0, length)), default);
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return new(HttpStatusCode.OK, null, new Failure(FailureReason.Parse, $"{Failures.Show(url)} answers no Lease: {e.Message}"));
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return new(0, null, late.IsCancellationRequested
                ? client.TimedOut(url, $"{Failures.Host(url)} did not answer within {timeout.TotalSeconds:0.#}s")
                : Failures.From(e, url));
        }

        HttpRequestMessage Request()
        {
            var request = new HttpRequestMessage(method, url);
            request.Headers.TryAddWithoutValidation("Accept", "application/json");
            if (record is not null)
            {
                request.Content = new ReadOnlyMemoryContent(record.Write(options.Namespace, options.Name));
                request.Content.Headers.ContentType =
                    new MediaTypeHeaderValue(method == HttpMethod.Patch ? "application/merge-patch+json" : "application/json");
            }
            return request;
        }
    }
}
