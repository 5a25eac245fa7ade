using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>JSON as an API server writes it, and its Status, the body of every failure.</summary>
internal static class ApiJson
{
    /// <summary>Quotes are escaped as <c>\"</c>, as Go does.</summary>
    private static readonly JsonSerializerOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Line(JsonNode json) => Encoding.UTF8.GetBytes(json.ToJsonString(Options) + "\n");

    public static async Task WriteAsync(HttpContext context, int status, JsonNode json)
    {
        context.Response.StatusCode = status;
        context.Response.Headers.CacheControl = "no-cache, private";
        context.Response.ContentType = "application/json";
        var bytes = Line(json);
        if (bytes.Length < 2048)
            context.Response.ContentLength = bytes.Length; // longer ones come in chunks, as from the real one
        await context.Response.Body.WriteAsync(bytes);
    }

    public static Task WriteStatusAsync(HttpContext context, int code, string reason, string message, JsonObject? details = null) =>
        WriteAsync(context, code, Status(code, reason, message, details));

    public static JsonObject Status(int code, string reason, string message, JsonObject? details = null)
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
        return status;
    }

    /// <summary>What the API server's validation would say of a Lease; null where it is right.</summary>
    public static string? WrongLease(JsonObject lease)
    {
        if ((string?)lease["kind"] != "Lease" || (string?)lease["apiVersion"] != "coordination.k8s.io/v1" || lease["spec"] is not { } spec)
            return "kind, apiVersion or spec";
        if ((int)spec["leaseDurationSeconds"]! <= 0 || (int)spec["leaseTransitions"]! < 0)
            return "spec.leaseDurationSeconds: must be greater than 0";
        foreach (var name in new[] { "acquireTime", "renewTime" })
        {
            // MicroTime: RFC 3339 with six digits of a second.
            if (!DateTime.TryParseExact((string?)spec[name], "yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", null,
                System.Globalization.DateTimeStyles.None, out _))
                return $"spec.{name}: {spec[name]} is no MicroTime";
        }
        return null;
    }

    /// <summary>As items of lists have it, without kind and apiVersion, or alone, with them in front.</summary>
    public static JsonObject Object(ApiResource resource, JsonObject value, bool isAlone)
    {
        var written = new JsonObject();
        if (isAlone)
            (written["kind"], written["apiVersion"]) = (resource.Kind, resource.ApiVersion);
        foreach (var (name, field) in value)
        {
            if (name is not ("kind" or "apiVersion"))
                written[name] = field?.DeepClone();
        }
        return written;
    }
}
