using System.Buffers;
using System.Net;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Http;

namespace Sidecar.Discovery;

/// <summary>What one question to the API server came to: endpoints, or why there are none.</summary>
/// <param name="Endpoints">Null with a failure. Empty is an answer: the service has no endpoints.</param>
/// <param name="Status">Of the answer that failed; null when there was none.</param>
/// <param name="RetryAfter">When the API server wants to be asked again.</param>
internal sealed record EndpointsAnswer(
    List<EndpointGroup>? Endpoints, Failure Failure = default, HttpStatusCode? Status = null, TimeSpan? RetryAfter = null)
{
    /// <summary>RBAC denies it, or the API server does not have it.</summary>
    public bool IsDenied => Status is HttpStatusCode.Forbidden or HttpStatusCode.NotFound;
}

/// <summary>Asks the API server for the endpoints of one service, by name: never for all of the cluster's.</summary>
internal sealed class EndpointsClient(KubernetesOptions options, PeerClient client, TimeProvider time)
{
    /// <summary>Objects of one page of a list.</summary>
    private const int PageSize = 500;

    /// <summary>More pages than any service has; a server that hands out tokens without end is not followed.</summary>
    private const int MostPages = 200;

    /// <summary>Most bytes of one page.</summary>
    private const int LargestPage = 64 * 1024 * 1024;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>All slices of the service, page by page. None of them counts unless all came.</summary>
    public async Task<EndpointsAnswer> GetSlicesAsync(CancellationToken cancellation)
    {
        var selector = $"kubernetes.io/service-name={options.Service}{(options.LabelSelector is { } more ? "," + more : "")}";
        var path = $"apis/discovery.k8s.io/v1/namespaces/{Escape(options.Namespace)}/endpointslices?labelSelector={Escape(selector)}&limit={PageSize}";
        var all = new List<EndpointGroup>();
        string? next = null;
        for (var page = 0; page < MostPages; page++)
        {
            var answer = await GetAsync(next is null ? path : $"{path}&continue={Escape(next)}", json =>
            {
                next = EndpointReader.ReadSlices(json, all);
                return all;
            }, cancellation);
            if (answer.Endpoints is null || next is null)
                return answer;
        }
        return new EndpointsAnswer(null, new Failure(FailureReason.Parse, $"{Failures.Host(options.ApiServer!)} answers pages of slices without end"));
    }

    /// <summary>The Endpoints object of the service. One that does not exist has no endpoints.</summary>
    public async Task<EndpointsAnswer> GetEndpointsAsync(CancellationToken cancellation)
    {
        var path = $"api/v1/namespaces/{Escape(options.Namespace)}/endpoints/{Escape(options.Service)}";
        var answer = await GetAsync(path, static json => EndpointReader.ReadEndpoints(json), cancellation);
        // The API server names the missing object; a proxy or a wrong path in front of it does not.
        var isMissing = answer.Status == HttpStatusCode.NotFound
            && answer.Failure.Message.Contains($"endpoints \"{options.Service}\"", StringComparison.Ordinal);
        return isMissing ? new EndpointsAnswer([]) : answer;
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private async Task<EndpointsAnswer> GetAsync(string path, Func<ReadOnlySpan<byte>, List<EndpointGroup>> read, CancellationToken cancellation)
    {
        var url = new Uri(options.ApiServer!, path);
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => Request(url), either.Token);
            if (response.StatusCode == HttpStatusCode.OK)
                return await ReadAsync(response, url, read, either.Token);
            var failure = client.Redact(Failures.FromStatus(response.StatusCode, url, await Failures.ReadStartAsync(response, either.Token)));
            return new EndpointsAnswer(null, failure, response.StatusCode, RetryAfter(response));
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return new EndpointsAnswer(null, timeout.IsCancellationRequested
                ? new Failure(FailureReason.Timeout, $"{Failures.Host(url)} did not answer within {Timeout.TotalSeconds}s")
                : Failures.From(e, url));
        }
    }

    /// <summary>The whole page comes first: what is cut is never looked at.</summary>
    private static async Task<EndpointsAnswer> ReadAsync(
        HttpResponseMessage response, Uri url, Func<ReadOnlySpan<byte>, List<EndpointGroup>> read, CancellationToken cancellation)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
        try
        {
            using var stream = await response.Content.ReadAsStreamAsync(cancellation);
            var length = 0;
            while (await stream.ReadAsync(buffer.AsMemory(length), cancellation) is > 0 and var count)
            {
                length += count;
                if (length > LargestPage)
                    return Nonsense(url, $"more than {LargestPage >> 20} MiB");
                if (length == buffer.Length)
                    buffer = Grow(buffer);
            }
            return new EndpointsAnswer(read(buffer.AsSpan(0, length)));
        }
        catch (FormatException e)
        {
            return Nonsense(url, $"what is not wanted: {e.Message}");
        }
        catch (JsonException e)
        {
            return Nonsense(url, $"no JSON, or JSON that is cut or damaged (line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1})");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private static byte[] Grow(byte[] buffer)
    {
        var larger = ArrayPool<byte>.Shared.Rent(buffer.Length * 2);
        buffer.CopyTo(larger, 0);
        ArrayPool<byte>.Shared.Return(buffer);
        return larger;
    }

    private static EndpointsAnswer Nonsense(Uri url, string what) =>
        new(null, new Failure(FailureReason.Parse, $"{Failures.Show(url)} answers {what}"));

    private TimeSpan? RetryAfter(HttpResponseMessage response) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };

    private static HttpRequestMessage Request(Uri url)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        return request;
    }
}
