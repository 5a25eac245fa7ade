using System.Net;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Http;

namespace Sidecar.Discovery;

/// <summary>What one question to the API server came to: label sets, or why there are none.</summary>
/// <param name="Endpoints">Null with a failure. Empty is an answer: the service has no endpoints.</param>
/// <param name="Status">Of the answer; null when there was none.</param>
/// <param name="RetryAfter">When the API server wants to be asked again.</param>
internal sealed record EndpointsAnswer(
    List<Dictionary<string, string>>? Endpoints, Failure Failure = default, HttpStatusCode? Status = null, TimeSpan? RetryAfter = null);

/// <summary>Asks the API server for the endpoints of one service, by name: never for all of the cluster's.</summary>
internal sealed class EndpointsClient(KubernetesOptions options, PeerClient client, TimeProvider time)
{
    /// <summary>Objects of one page of a list.</summary>
    private const int PageSize = 500;

    /// <summary>Most bytes of one page.</summary>
    private const int LargestPage = 32 * 1024 * 1024;

    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    /// <summary>All slices of the service, page by page.</summary>
    public async Task<EndpointsAnswer> GetSlicesAsync(CancellationToken cancellation)
    {
        var selector = $"kubernetes.io/service-name={options.Service}{(options.LabelSelector is { } more ? "," + more : "")}";
        var path = $"apis/discovery.k8s.io/v1/namespaces/{Escape(options.Namespace)}/endpointslices?labelSelector={Escape(selector)}&limit={PageSize}";
        var all = new List<Dictionary<string, string>>();
        string? next = null;
        do
        {
            var answer = await GetAsync(next is null ? path : $"{path}&continue={Escape(next)}", "EndpointSliceList", list =>
            {
                foreach (var slice in list.GetProperty("items").EnumerateArray())
                    all.AddRange(EndpointLabels.OfSlice(slice));
                next = list.GetProperty("metadata").TryGetProperty("continue", out var token) && token.GetString() is { Length: > 0 } more ? more : null;
            }, cancellation);
            if (!answer.Failure.IsNone)
                return answer;
        }
        while (next is not null);
        return new EndpointsAnswer(all);
    }

    /// <summary>The Endpoints object of the service. One that does not exist has no endpoints.</summary>
    public async Task<EndpointsAnswer> GetEndpointsAsync(CancellationToken cancellation)
    {
        var path = $"api/v1/namespaces/{Escape(options.Namespace)}/endpoints/{Escape(options.Service)}";
        var all = new List<Dictionary<string, string>>();
        var answer = await GetAsync(path, "Endpoints", endpoints => all.AddRange(EndpointLabels.OfEndpoints(endpoints)), cancellation);
        var isMissing = answer.Status == HttpStatusCode.NotFound && answer.Failure.Message.Contains("endpoints \"", StringComparison.Ordinal);
        return answer.Failure.IsNone || isMissing ? new EndpointsAnswer(all) : answer;
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private async Task<EndpointsAnswer> GetAsync(string path, string kind, Action<JsonElement> read, CancellationToken cancellation)
    {
        var url = new Uri(options.ApiServer!, path);
        using var timeout = new CancellationTokenSource(Timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellation);
        try
        {
            using var response = await client.SendAsync(() => Request(url), either.Token);
            if (response.StatusCode != HttpStatusCode.OK)
            {
                var failure = Failures.FromStatus(response.StatusCode, url, await Failures.ReadStartAsync(response, either.Token));
                return new EndpointsAnswer(null, failure, response.StatusCode, response.Headers.RetryAfter?.Delta);
            }
            await response.Content.LoadIntoBufferAsync(LargestPage, either.Token);
            using var json = await JsonDocument.ParseAsync(await response.Content.ReadAsStreamAsync(either.Token), default, either.Token);
            if (json.RootElement.ValueKind != JsonValueKind.Object || !json.RootElement.TryGetProperty("kind", out var found) || !found.ValueEquals(kind))
                return Nonsense(url, $"no {kind}");
            read(json.RootElement);
            return new EndpointsAnswer([]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            // What the framework says of it is not for people; ours of a JsonException is.
            return Nonsense(url, "JSON that is cut or not of that kind");
        }
        catch (Exception e) when (e is OperationCanceledException or HttpRequestException or IOException)
        {
            cancellation.ThrowIfCancellationRequested();
            return new EndpointsAnswer(null, timeout.IsCancellationRequested
                ? new Failure(FailureReason.Timeout, $"{Failures.Host(url)} did not answer within {Timeout.TotalSeconds}s")
                : Failures.From(e, url));
        }
    }

    private static EndpointsAnswer Nonsense(Uri url, string what) =>
        new(null, new Failure(FailureReason.Parse, $"{Failures.Show(url)} answers {what}"));

    private static HttpRequestMessage Request(Uri url)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, url);
        request.Headers.TryAddWithoutValidation("Accept", "application/json");
        return request;
    }
}
