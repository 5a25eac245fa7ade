using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Cluster;

/// <summary>
/// A stand-in kube-apiserver on a loopback port: TLS, bearer tokens, RBAC, Endpoints and EndpointSlices for get and list with paging, and
/// <c>/metrics</c>, answering as a real one of 1.36 does. It can be stopped and started again on its port.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    /// <summary>Quotes are escaped as <c>\"</c>, as Go does.</summary>
    private static readonly JsonSerializerOptions Json = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ApiStore store;
    private readonly X509Certificate2 certificate;
    private readonly ConcurrentQueue<Func<HttpContext, Task>> faults = [];
    private readonly ConcurrentQueue<string> requests = [];
    private WebApplication? application;

    public ApiServer(ApiStore store, X509Certificate2 certificate)
    {
        this.store = store;
        this.certificate = certificate;
    }

    public int Port { get; private set; }

    public Uri Address => new($"https://127.0.0.1:{Port}/");

    /// <summary>Accounts by bearer token.</summary>
    public ConcurrentDictionary<string, Account> Tokens { get; } = new();

    public TargetBehaviour Metrics { get; } = new();

    /// <summary>Judges the certificates of clients, which must show one; set before the start. Null asks for none.</summary>
    public Func<X509Certificate2, bool>? AcceptsClient { get; set; }

    /// <summary>Slices are unknown to it, as before Kubernetes 1.21.</summary>
    public bool HasNoSlices { get; set; }

    /// <summary>Paths with queries, in the order in which they came.</summary>
    public IReadOnlyList<string> Requests => [.. requests];

    public async Task StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, Port, listen =>
        {
            listen.Protocols = HttpProtocols.Http1;
            listen.Use(next => connection => PlainHttpOnTls.RunAsync(connection, next));
            listen.UseHttps(certificate, https =>
            {
                if (AcceptsClient is null)
                    return;
                https.ClientCertificateMode = ClientCertificateMode.RequireCertificate;
                https.ClientCertificateValidation = (client, _, _) => AcceptsClient(client);
            });
        }));
        application = builder.Build();
        application.Run(AnswerAsync);
        await application.StartAsync();
        Port = new Uri(application.Urls.First()).Port;
    }

    public async Task StopAsync()
    {
        if (application is null)
            return;
        using var atOnce = new CancellationTokenSource(TimeSpan.Zero);
        try
        {
            await application.StopAsync(atOnce.Token);
        }
        catch (OperationCanceledException)
        {
            // Connections were cut rather than drained, which is what was asked for.
        }
        await application.DisposeAsync();
        application = null;
    }

    public async ValueTask DisposeAsync() => await StopAsync();

    /// <summary>The next so many API requests (not <c>/metrics</c>) are answered by this instead.</summary>
    public void FailNext(int count, Func<HttpContext, Task> answer)
    {
        for (var i = 0; i < count; i++)
            faults.Enqueue(answer);
    }

    /// <summary>An answer of this status with a Status body.</summary>
    public static Func<HttpContext, Task> Answers(int status, string reason, string message, string? retryAfter = null) => context =>
    {
        if (retryAfter is not null)
            context.Response.Headers.RetryAfter = retryAfter;
        return StatusAsync(context, status, reason, message, []);
    };

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (path == "/metrics")
        {
            if (await AuthorizeAsync(context, a => a.Rules.Any(r => r.AllowsPath("get", path)), user => ($"forbidden: User \"{user}\" cannot get path \"{path}\"", [])))
                await Metrics.AnswerAsync(context);
            return;
        }
        requests.Enqueue(path + context.Request.QueryString);
        if (faults.TryDequeue(out var fault))
        {
            await fault(context);
            return;
        }
        var parts = path.Trim('/').Split('/');
        switch (parts)
        {
            case ["version"]:
                await WriteAsync(context, 200, new JsonObject { ["major"] = "1", ["minor"] = "36", ["platform"] = "linux/amd64" });
                break;
            case ["apis", "discovery.k8s.io", "v1", "namespaces", var ns, "endpointslices"] when !HasNoSlices:
                await ListAsync(context, "discovery.k8s.io", "endpointslices", ns, "EndpointSliceList", "discovery.k8s.io/v1");
                break;
            case ["apis", "discovery.k8s.io", "v1", "endpointslices"] when !HasNoSlices:
                await ListAsync(context, "discovery.k8s.io", "endpointslices", null, "EndpointSliceList", "discovery.k8s.io/v1");
                break;
            case ["api", "v1", "namespaces", var ns, "endpoints"]:
                await ListAsync(context, "", "endpoints", ns, "EndpointsList", "v1");
                break;
            case ["api", "v1", "namespaces", var ns, "endpoints", var name]:
                await GetEndpointsAsync(context, ns, name);
                break;
            default:
                context.Response.StatusCode = 404;
                context.Response.ContentType = "text/plain; charset=utf-8";
                await context.Response.WriteAsync("404 page not found\n");
                break;
        }
    }

    private async Task GetEndpointsAsync(HttpContext context, string ns, string name)
    {
        if (!await AuthorizeAsync(context, "get", "", "endpoints", ns, name))
            return;
        WarnOfEndpoints(context);
        if (store.Get("endpoints", ns, name) is { } found)
            await WriteAsync(context, 200, found);
        else
            await StatusAsync(context, 404, "NotFound", $"endpoints \"{name}\" not found", new JsonObject { ["name"] = name, ["kind"] = "endpoints" });
    }

    private async Task ListAsync(HttpContext context, string group, string resource, string? ns, string kind, string apiVersion)
    {
        if (!await AuthorizeAsync(context, "list", group, resource, ns, null))
            return;
        if (resource == "endpoints")
            WarnOfEndpoints(context);
        var query = context.Request.Query;
        var items = store.List(resource, ns).Where(o => LabelSelector.Matches(query["labelSelector"], (JsonObject?)o["metadata"]!["labels"])).ToList();
        var start = 0;
        if (query["continue"].FirstOrDefault() is { Length: > 0 } token && !TryDecode(token, items, out start))
        {
            await StatusAsync(context, 400, "BadRequest", "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value", null);
            return;
        }
        var limit = int.TryParse(query["limit"], out var asked) && asked > 0 ? asked : int.MaxValue;
        var page = items.Skip(start).Take(limit).ToList();
        var metadata = new JsonObject { ["resourceVersion"] = $"{store.Version}" };
        var remaining = items.Count - start - page.Count;
        if (remaining > 0)
        {
            metadata["continue"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(
                $$"""{"v":"meta.k8s.io/v1","rv":{{store.Version}},"start":"/{{page[^1]["metadata"]!["name"]}}\u0000"}"""));
            if (query["labelSelector"].Count == 0)
                metadata["remainingItemCount"] = remaining;
        }
        await WriteAsync(context, 200, new JsonObject
        {
            ["kind"] = kind,
            ["apiVersion"] = apiVersion,
            ["metadata"] = metadata,
            ["items"] = new JsonArray([.. page]),
        });
    }

    private static bool TryDecode(string token, List<JsonObject> items, out int start)
    {
        start = 0;
        try
        {
            var after = (string)JsonNode.Parse(Convert.FromBase64String(token))!["start"]!;
            start = items.FindIndex(i => $"/{i["metadata"]!["name"]}\0" == after) + 1;
            return true;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return false;
        }
    }

    private Task<bool> AuthorizeAsync(HttpContext context, string verb, string group, string resource, string? ns, string? name)
    {
        var qualified = group.Length == 0 ? resource : $"{resource}.{group}";
        var where = ns is null ? "at the cluster scope" : $"in the namespace \"{ns}\"";
        var which = name is null ? "" : $" \"{name}\"";
        return AuthorizeAsync(context, a => a.Rules.Any(r => r.Allows(verb, group, resource, ns, name)), user =>
            ($"{qualified}{which} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {where}",
                new JsonObject { ["group"] = group, ["kind"] = resource }));
    }

    private async Task<bool> AuthorizeAsync(HttpContext context, Func<Account, bool> isAllowed, Func<string, (string Message, JsonObject Details)> refusal)
    {
        var header = context.Request.Headers.Authorization.ToString();
        var account = new Account("system:anonymous");
        if (header.StartsWith("Bearer ", StringComparison.Ordinal) && !Tokens.TryGetValue(header["Bearer ".Length..], out account))
        {
            await StatusAsync(context, 401, "Unauthorized", "Unauthorized", null);
            return false;
        }
        if (isAllowed(account!))
            return true;
        var (message, details) = refusal(account!.Name);
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await StatusAsync(context, 403, "Forbidden", message, details);
        return false;
    }

    private static void WarnOfEndpoints(HttpContext context) =>
        context.Response.Headers.Append("Warning", "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"");

    private static Task StatusAsync(HttpContext context, int code, string reason, string message, JsonObject? details)
    {
        var status = new JsonObject
        {
            ["kind"] = "Status",
            ["apiVersion"] = "v1",
            ["metadata"] = new JsonObject(),
            ["status"] = "Failure",
            ["message"] = message,
            ["reason"] = reason,
        };
        if (details is not null)
            status["details"] = details;
        status["code"] = code;
        return WriteAsync(context, code, status);
    }

    private static async Task WriteAsync(HttpContext context, int status, JsonNode json)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-cache, private";
        context.Response.ContentType = "application/json";
        var bytes = Encoding.UTF8.GetBytes(json.ToJsonString(Json) + "\n");
        if (bytes.Length < 2048)
            context.Response.ContentLength = bytes.Length; // longer ones come in chunks, as from the real one
        await context.Response.Body.WriteAsync(bytes);
    }
}
