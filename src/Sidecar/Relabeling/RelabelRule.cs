using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>One rule, checked and compiled; Prometheus's relabel.Config (model/relabel/relabel.go). Shared: it never changes.</summary>
/// <remarks>What applies it is a <see cref="RuleMatcher"/>.</remarks>
internal sealed class RelabelRule
{
    public RelabelRule(
        RelabelAction action, ImmutableArray<ImmutableArray<byte>> sourceLabels, string separator, Pattern pattern, ulong modulus,
        string targetLabel, string replacement)
    {
        Action = action;
        SourceLabels = sourceLabels;
        Separator = [.. Encoding.UTF8.GetBytes(separator)];
        Pattern = pattern;
        Modulus = modulus;
        // Only replace puts groups into the name.
        TargetLabel = Template.Parse(action == RelabelAction.Replace ? targetLabel : targetLabel.Replace("$", "$$"), pattern);
        Replacement = Template.Parse(replacement, pattern);
    }

    public RelabelAction Action { get; }
    public ImmutableArray<ImmutableArray<byte>> SourceLabels { get; }
    public ImmutableArray<byte> Separator { get; }
    public Pattern Pattern { get; }
    public ulong Modulus { get; }
    public Template TargetLabel { get; }
    public Template Replacement { get; }

    /// <summary>Looks at the names of all labels, and not at source labels.</summary>
    public bool IsOnNames => Action is RelabelAction.LabelMap or RelabelAction.LabelDrop or RelabelAction.LabelKeep;

    /// <summary>What it does rests on a match of the pattern with the source labels: without one it does nothing (keep drops).</summary>
    public bool IsOnMatch => Action is RelabelAction.Replace or RelabelAction.Keep or RelabelAction.Drop;

    /// <summary>It may change labels, and not only drop all of them.</summary>
    public bool IsChanging => Action is not (RelabelAction.Keep or RelabelAction.Drop or RelabelAction.KeepEqual
        or RelabelAction.DropEqual);
}
