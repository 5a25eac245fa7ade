using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Logging;

namespace Cluster;

/// <summary>
/// A stand-in kube-apiserver on a loopback port: TLS, bearer tokens, RBAC, Endpoints, EndpointSlices and Services for get, list with paging
/// and watch, and <c>/metrics</c>, answering as a real one of 1.36 does. It can be stopped and started again on its port.
/// </summary>
public sealed class ApiServer : IAsyncDisposable
{
    private readonly ApiStore store;
    private readonly X509Certificate2 certificate;
    private readonly ConcurrentQueue<Func<HttpContext, Task>> faults = [];
    private readonly ConcurrentQueue<Func<HttpContext, Task>> watchFaults = [];
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

    /// <summary>A watch from a version that is forgotten fails with status 410, and not with an ERROR event.</summary>
    public bool AnswersOldWatchesWithGone { get; set; }

    /// <summary>How often a quiet watch gets a bookmark.</summary>
    public TimeSpan BookmarkPeriod { get; set; } = TimeSpan.FromMinutes(1);

    /// <summary>Paths with queries, in the order in which they came.</summary>
    public IReadOnlyList<string> Requests => [.. requests];

    /// <summary>On the port that it had, if it had one; until then somebody may have it for a moment.</summary>
    public async Task StartAsync()
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await ListenAsync();
                return;
            }
            catch (IOException) when (Port != 0 && tries < 60)
            {
                await Task.Delay(500);
            }
        }
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

    /// <summary>The next so many watches are answered by this instead.</summary>
    public void FailNextWatches(int count, Func<HttpContext, Task> answer)
    {
        for (var i = 0; i < count; i++)
            watchFaults.Enqueue(answer);
    }

    /// <summary>An answer of this status with a Status body.</summary>
    public static Func<HttpContext, Task> Answers(int status, string reason, string message, string? retryAfter = null) => context =>
    {
        if (retryAfter is not null)
            context.Response.Headers.RetryAfter = retryAfter;
        return ApiJson.WriteStatusAsync(context, status, reason, message, []);
    };

    /// <summary>These bytes with status 200, as a whole answer.</summary>
    public static Func<HttpContext, Task> Says(string what) => context => context.Response.WriteAsync(what);

    /// <summary>These bytes with status 200, and then the connection is cut, so that the last of them may be lost.</summary>
    public static Func<HttpContext, Task> Cuts(string after) => async context =>
    {
        await context.Response.WriteAsync(after);
        await context.Response.Body.FlushAsync();
        context.Abort();
    };

    /// <summary>The head of an answer, these bytes, and then nothing more for as long as the client waits.</summary>
    public static Func<HttpContext, Task> Hangs(string after = "") => async context =>
    {
        await context.Response.WriteAsync(after);
        await context.Response.Body.FlushAsync();
        await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
    };

    private async Task ListenAsync()
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
        application = await StandInApplication.StartAsync(builder, AnswerAsync);
        Port = new Uri(application.Urls.First()).Port;
    }

    private async Task AnswerAsync(HttpContext context)
    {
        var path = context.Request.Path.Value!;
        if (path == "/metrics")
        {
            if (await AuthorizeAsync(context, a => a.Rules.Any(r => r.AllowsPath("get", path)), user =>
                ($"forbidden: User \"{user}\" cannot get path \"{path}\"", [])))
                await Metrics.AnswerAsync(context);
            return;
        }
        requests.Enqueue(path + context.Request.QueryString);
        var request = ApiRequest.Parse(context.Request);
        if (faults.TryDequeue(out var fault) || (request?.Verb == "watch" && watchFaults.TryDequeue(out fault)))
        {
            await fault(context);
            return;
        }
        if (path == "/version")
            await ApiJson.WriteAsync(context, 200, new JsonObject { ["major"] = "1", ["minor"] = "36", ["platform"] = "linux/amd64" });
        else if (request is not null && !(HasNoSlices && request.Resource == ApiResource.Slices))
            await ServeAsync(context, request);
        else
        {
            context.Response.StatusCode = 404;
            context.Response.ContentType = "text/plain; charset=utf-8";
            await context.Response.WriteAsync("404 page not found\n");
        }
    }

    private async Task ServeAsync(HttpContext context, ApiRequest request)
    {
        if (!await AuthorizeAsync(context, request))
            return;
        if (request.Resource == ApiResource.Endpoints)
            WarnOfEndpoints(context);
        if (request.Verb == "get")
            await GetAsync(context, request);
        else if (request.Verb is "create" or "patch")
            await WriteAsync(context, request);
        else if (ObjectSelection.Parse(request, context.Request.Query, out var problem) is not { } selection)
            await ApiJson.WriteStatusAsync(context, 400, "BadRequest", problem);
        else if (request.Verb == "list")
            await ListAnswer.WriteAsync(context, store, selection);
        else
            await WatchAsync(context, selection);
    }

    private Task GetAsync(HttpContext context, ApiRequest request)
    {
        var resource = request.Resource;
        if (store.Get(resource.Plural, request.Namespace ?? "", request.Name!) is { } found)
            return ApiJson.WriteAsync(context, 200, ApiJson.Object(resource, found, isAlone: true));
        return ApiJson.WriteStatusAsync(context, 404, "NotFound", $"{resource.QualifiedName} \"{request.Name}\" not found",
            new JsonObject { ["name"] = request.Name, ["kind"] = resource.Plural });
    }

    /// <summary>Of Leases alone: made where they are not there, and changed by merge patches that name the version they go by.</summary>
    private async Task WriteAsync(HttpContext context, ApiRequest request)
    {
        var (resource, ns) = (request.Resource, request.Namespace ?? "");
        using var reader = new StreamReader(context.Request.Body);
        var body = (JsonObject)JsonNode.Parse(await reader.ReadToEndAsync(context.RequestAborted))!;
        var name = request.Name ?? (string)body["metadata"]!["name"]!;
        if (resource != ApiResource.Leases || ApiJson.WrongLease(body) is not null)
        {
            await ApiJson.WriteStatusAsync(context, 422, "Invalid", $"Lease \"{name}\" is invalid: {ApiJson.WrongLease(body)}");
            return;
        }
        if (request.Verb == "patch" && context.Request.ContentType != "application/merge-patch+json")
        {
            await ApiJson.WriteStatusAsync(context, 415, "UnsupportedMediaType", "the body of the request was in an unknown format");
            return;
        }
        if (request.Verb == "patch" && store.Get(resource.Plural, ns, name) is null)
        {
            await GetAsync(context, request); // 404
            return;
        }
        var written = request.Verb == "create" ? store.Create(resource.Plural, ns, name, body)
            : store.Patch(resource.Plural, ns, name, body);
        if (written is null)
        {
            await ApiJson.WriteStatusAsync(context, 409, request.Verb == "create" ? "AlreadyExists" : "Conflict",
                request.Verb == "create" ? $"{resource.QualifiedName} \"{name}\" already exists"
                    : $"Operation cannot be fulfilled on {resource.QualifiedName} \"{name}\": the object has been modified; "
                        + "please apply your changes to the latest version and try again");
            return;
        }
        await ApiJson.WriteAsync(context, request.Verb == "create" ? 201 : 200, ApiJson.Object(resource, written, isAlone: true));
    }

    private async Task WatchAsync(HttpContext context, ObjectSelection selection)
    {
        var text = context.Request.Query["resourceVersion"].ToString();
        if (text.Length > 0 && !long.TryParse(text, out _))
        {
            await ApiJson.WriteStatusAsync(context, 400, "BadRequest",
                $"resourceVersion: Invalid value: \"{text}\": strconv.ParseUint: parsing \"{text}\": invalid syntax");
            return;
        }
        if (AnswersOldWatchesWithGone && long.TryParse(text, out var version) && version > 0
            && store.Since(selection.Request.Resource.Plural, null, version).Changes is null)
        {
            await ApiJson.WriteStatusAsync(context, 410, "Expired", $"too old resource version: {version} ({store.Version})");
            return;
        }
        try
        {
            await new WatchAnswer(context, store, selection, BookmarkPeriod).RunAsync();
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // The client has gone, which is how many watches end.
        }
    }

    private Task<bool> AuthorizeAsync(HttpContext context, ApiRequest request)
    {
        var (resource, ns, name) = (request.Resource, request.Namespace, request.Name);
        var where = ns is null ? "at the cluster scope" : $"in the namespace \"{ns}\"";
        var which = name is null ? "" : $" \"{name}\"";
        return AuthorizeAsync(context, a => a.Rules.Any(r => r.Allows(request.Verb, resource.Group, resource.Plural, ns, name)), user =>
            ($"{resource.QualifiedName}{which} is forbidden: User \"{user}\" cannot {request.Verb} resource \"{resource.Plural}\" in API group \"{resource.Group}\" {where}",
                new JsonObject { ["group"] = resource.Group, ["kind"] = resource.Plural }));
    }

    private async Task<bool> AuthorizeAsync(HttpContext context, Func<Account, bool> isAllowed,
        Func<string, (string Message, JsonObject Details)> refusal)
    {
        var header = context.Request.Headers.Authorization.ToString();
        var account = new Account("system:anonymous");
        if (header.StartsWith("Bearer ", StringComparison.Ordinal) && !Tokens.TryGetValue(header["Bearer ".Length..], out account))
        {
            await ApiJson.WriteStatusAsync(context, 401, "Unauthorized", "Unauthorized");
            return false;
        }
        if (isAllowed(account!))
            return true;
        var (message, details) = refusal(account!.Name);
        context.Response.Headers.XContentTypeOptions = "nosniff";
        await ApiJson.WriteStatusAsync(context, 403, "Forbidden", message, details);
        return false;
    }

    private static void WarnOfEndpoints(HttpContext context) =>
        context.Response.Headers.Append("Warning", "299 - \"v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice\"");
}
