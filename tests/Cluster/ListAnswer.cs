using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>A list, page by page as it was at its first page, until that version is forgotten.</summary>
internal static class ListAnswer
{
    public static Task WriteAsync(HttpContext context, ApiStore store, ObjectSelection selection)
    {
        var query = context.Request.Query;
        var (resource, ns) = (selection.Request.Resource, selection.Request.Namespace);
        var (version, start) = (store.Version, (string?)null);
        if (query["continue"].FirstOrDefault() is { Length: > 0 } token)
        {
            if (!TryDecode(token, out version, out start))
            {
                return ApiJson.WriteStatusAsync(context, 400, "BadRequest",
                    "invalid continue token: continue key is not valid: invalid character 'Ï' looking for beginning of value");
            }
        }
        if (store.List(resource.Plural, ns, version) is not { } all)
        {
            return ApiJson.WriteStatusAsync(context, 410, "Expired",
                "The provided continue parameter is too old to display a consistent list result. "
                + "You can start a new list without the continue parameter.");
        }
        var items = all.Where(selection.Matches).Where(o => start is null || string.CompareOrdinal(Key(o, ns), start) > 0).ToList();
        var limit = int.TryParse(query["limit"], out var asked) && asked > 0 ? asked : int.MaxValue;
        var page = items.Take(limit).ToList();
        var metadata = new JsonObject { ["resourceVersion"] = $"{version}" };
        if (items.Count > page.Count)
        {
            metadata["continue"] = Convert.ToBase64String(Encoding.UTF8.GetBytes(
                $$"""{"v":"meta.k8s.io/v1","rv":{{version}},"start":"{{Key(page[^1], ns)}}\u0000"}"""));
            // With a selector a real one does not know how many are left.
            if (!selection.HasSelector)
                metadata["remainingItemCount"] = items.Count - page.Count;
        }
        return ApiJson.WriteAsync(context, 200, new JsonObject
        {
            ["kind"] = resource.Kind + "List",
            ["apiVersion"] = resource.ApiVersion,
            ["metadata"] = metadata,
            ["items"] = new JsonArray([.. page.Select(o => ApiJson.Object(resource, o, isAlone: false))]),
        });
    }

    private static string Key(JsonObject value, string? ns)
    {
        var metadata = value["metadata"]!;
        return ns is null ? $"/{metadata["namespace"]}/{metadata["name"]}" : $"/{metadata["name"]}";
    }

    private static bool TryDecode(string token, out long version, out string? start)
    {
        (version, start) = (0, null);
        try
        {
            var json = JsonNode.Parse(Convert.FromBase64String(token))!;
            (version, start) = ((long)json["rv"]!, ((string)json["start"]!).TrimEnd('\0'));
            return true;
        }
        catch (Exception e) when (e is FormatException or JsonException)
        {
            return false;
        }
    }
}
