namespace Cluster;

/// <summary>
/// Field selectors over what every object has, <c>metadata.name</c> and <c>metadata.namespace</c>; joined by commas, all must hold.
/// </summary>
internal sealed class FieldSelector
{
    private readonly List<(bool IsName, bool IsEqual, string Value)> terms = [];

    private FieldSelector()
    {
    }

    public bool IsEmpty => terms.Count == 0;

    /// <summary>The one name that is asked for, which RBAC takes for the name of the object.</summary>
    public string? Name => terms.Find(t => t is { IsName: true, IsEqual: true }).Value;

    public bool Matches(string ns, string name) => terms.TrueForAll(t => ((t.IsName ? name : ns) == t.Value) == t.IsEqual);

    /// <param name="problem">The words of a real server.</param>
    public static FieldSelector? Parse(string? text, out string problem)
    {
        problem = "";
        var selector = new FieldSelector();
        foreach (var term in (text ?? "").Split(',', StringSplitOptions.RemoveEmptyEntries))
        {
            if (new[] { "!=", "==", "=" }.FirstOrDefault(term.Contains) is not { } sign)
            {
                problem = $"invalid selector: '{term}'; can't understand '{term}'";
                return null;
            }
            var parts = term.Split(sign, 2);
            if (parts[0] is not ("metadata.name" or "metadata.namespace"))
            {
                problem = $"field label not supported: {parts[0]}";
                return null;
            }
            selector.terms.Add((parts[0] == "metadata.name", sign != "!=", parts[1]));
        }
        return selector;
    }
}
