using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>Streams the events of a watch, one JSON object a line, until its time is over or the client goes.</summary>
internal sealed class WatchAnswer(HttpContext context, ApiStore store, ObjectSelection selection, TimeSpan bookmarkPeriod)
{
    private readonly IQueryCollection query = context.Request.Query;
    private readonly ApiResource resource = selection.Request.Resource;
    private readonly string? ns = selection.Request.Namespace;
    private long bookmarked;

    public async Task RunAsync()
    {
        var aborted = context.RequestAborted;
        var hasBookmarks = ApiRequest.IsTrue(query["allowWatchBookmarks"]);
        context.Response.StatusCode = 200;
        context.Response.Headers.CacheControl = "no-cache, private";
        context.Response.ContentType = "application/json";
        await context.Response.Body.FlushAsync(aborted);

        using var end = CancellationTokenSource.CreateLinkedTokenSource(aborted);
        end.CancelAfter(TimeSpan.FromSeconds(int.TryParse(query["timeoutSeconds"], out var seconds) && seconds > 0 ? seconds : 1800));
        var version = await StartAsync(hasBookmarks, aborted);
        while (version >= 0)
        {
            var (changes, current, next) = store.Since(resource.Plural, ns, version);
            if (changes is null)
            {
                await SendAsync("ERROR", ApiJson.Status(410, "Expired", $"too old resource version: {version} ({current})"), aborted);
                return;
            }
            // All of them in one go: a real one flushes when nothing more is there.
            var lines = changes.SelectMany(LineOf).ToArray();
            if (lines.Length > 0)
            {
                await context.Response.Body.WriteAsync(lines, aborted);
                await context.Response.Body.FlushAsync(aborted);
            }
            version = current;

            if (await Task.WhenAny(next, Task.Delay(bookmarkPeriod, end.Token)) == next)
                continue;
            if (hasBookmarks && bookmarked != version && !aborted.IsCancellationRequested)
                await SendBookmarkAsync(version, isInitialEnd: false, aborted);
            if (end.IsCancellationRequested)
                return;
        }
    }

    /// <summary>
    /// Sends what there is where the watch begins with that; returns the version from which to go on, or -1 after an error.
    /// </summary>
    private async Task<long> StartAsync(bool hasBookmarks, CancellationToken aborted)
    {
        var text = query["resourceVersion"].ToString();
        var isFromNow = text is "" or "0";
        var wanted = isFromNow ? store.Version : long.Parse(text);
        if (wanted > store.Version)
        {
            await SendAsync("ERROR", ApiJson.Status(504, "Timeout", $"Too large resource version: {wanted}, current: {store.Version}"),
                aborted);
            return -1;
        }
        var initial = query["sendInitialEvents"].ToString();
        if (initial.Length > 0 ? !ApiRequest.IsTrue(initial) : !isFromNow)
            return wanted;
        var version = store.Version;
        foreach (var value in store.List(resource.Plural, ns, version)!.Where(selection.Matches))
            await SendAsync("ADDED", ApiJson.Object(resource, value, isAlone: true), aborted);
        if (hasBookmarks)
            await SendBookmarkAsync(version, isInitialEnd: true, aborted);
        return version;
    }

    /// <summary>
    /// An object that a change moves into the selection is ADDED, out of it DELETED, whatever happened to it in the store.
    /// </summary>
    private byte[] LineOf(StoreEvent change)
    {
        var was = selection.Matches(change.Before);
        if (selection.Matches(change.After))
            return Line(was ? "MODIFIED" : "ADDED", ApiJson.Object(resource, change.After!, isAlone: true));
        if (!was)
            return [];
        var last = ApiJson.Object(resource, change.Before!, isAlone: true);
        last["metadata"]!["resourceVersion"] = $"{change.Version}";
        return Line("DELETED", last);
    }

    private Task SendBookmarkAsync(long version, bool isInitialEnd, CancellationToken aborted)
    {
        bookmarked = version;
        var metadata = new JsonObject { ["resourceVersion"] = $"{version}" };
        if (isInitialEnd)
            metadata["annotations"] = new JsonObject { ["k8s.io/initial-events-end"] = "true" };
        var value = new JsonObject { ["kind"] = resource.Kind, ["apiVersion"] = resource.ApiVersion, ["metadata"] = metadata };
        if (resource == ApiResource.Slices)
            (value["addressType"], value["endpoints"], value["ports"]) = ("", null, null);
        return SendAsync("BOOKMARK", value, aborted);
    }

    private async Task SendAsync(string type, JsonObject value, CancellationToken aborted)
    {
        await context.Response.Body.WriteAsync(Line(type, value), aborted);
        await context.Response.Body.FlushAsync(aborted);
    }

    private static byte[] Line(string type, JsonObject value) => ApiJson.Line(new JsonObject { ["type"] = type, ["object"] = value });
}
