using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>Which objects a list or a watch is about.</summary>
internal sealed class ObjectSelection
{
    private readonly string? labels;
    private readonly FieldSelector fields;

    private ObjectSelection(ApiRequest request, string? labels, FieldSelector fields)
    {
        Request = request;
        this.labels = labels;
        this.fields = fields;
    }

    public ApiRequest Request { get; }

    public bool HasSelector => !string.IsNullOrEmpty(labels) || !fields.IsEmpty;

    public bool Matches(JsonObject? value)
    {
        if (value?["metadata"] is not { } metadata)
            return false;
        return LabelSelector.Matches(labels, (JsonObject?)metadata["labels"])
            && fields.Matches((string)metadata["namespace"]!, (string)metadata["name"]!);
    }

    /// <param name="problem">The words of a real server, for a 400.</param>
    public static ObjectSelection? Parse(ApiRequest request, IQueryCollection query, out string problem)
    {
        var fields = FieldSelector.Parse(query["fieldSelector"], out problem);
        if (fields is null)
            return null;
        problem = LabelSelector.Check(query["labelSelector"]) ?? "";
        return problem.Length == 0 ? new ObjectSelection(request, query["labelSelector"], fields) : null;
    }
}
