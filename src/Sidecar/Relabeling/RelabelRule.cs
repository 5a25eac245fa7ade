using System.Buffers.Text;
using System.Text;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>One rule, checked and compiled; Prometheus's relabel.Config and its relabel function (model/relabel/relabel.go).</summary>
internal sealed class RelabelRule
{
    private readonly Text separator;

    public RelabelRule(
        RelabelAction action, byte[][] sourceLabels, string separator, Pattern pattern, ulong modulus, string targetLabel, string replacement)
    {
        Action = action;
        SourceLabels = sourceLabels;
        Separator = Encoding.UTF8.GetBytes(separator);
        this.separator = new Text(Separator, 0, Separator.Length);
        Pattern = pattern;
        Modulus = modulus;
        // Only replace puts groups into the name.
        TargetLabel = Template.Parse(action == RelabelAction.Replace ? targetLabel : targetLabel.Replace("$", "$$"), pattern);
        Replacement = Template.Parse(replacement, pattern);
    }

    public RelabelAction Action { get; }

    public byte[][] SourceLabels { get; }

    public byte[] Separator { get; }

    public Pattern Pattern { get; }

    public ulong Modulus { get; }

    public Template TargetLabel { get; }

    public Template Replacement { get; }

    /// <summary>Looks at the names of all labels, and not at source labels.</summary>
    public bool IsOnNames => Action is RelabelAction.LabelMap or RelabelAction.LabelDrop or RelabelAction.LabelKeep;

    /// <summary>What it does rests on a match of the pattern with the source labels: without one it does nothing (keep drops).</summary>
    public bool IsOnMatch => Action is RelabelAction.Replace or RelabelAction.Keep or RelabelAction.Drop;

    /// <summary>It may change labels, and not only drop all of them.</summary>
    public bool IsChanging => Action is not (RelabelAction.Keep or RelabelAction.Drop or RelabelAction.KeepEqual or RelabelAction.DropEqual);

    /// <summary>Whether it could give the label another value, or remove it.</summary>
    public bool MayChange(ReadOnlySpan<byte> label) => Action switch
    {
        _ when !IsChanging => false,
        RelabelAction.LabelDrop => Pattern.IsMatch(label),
        RelabelAction.LabelKeep => !Pattern.IsMatch(label),
        RelabelAction.LabelMap => MayBe(Replacement, label),
        _ => MayBe(TargetLabel, label),
    };

    private static bool MayBe(Template template, ReadOnlySpan<byte> label) =>
        template.IsConstant ? template.Start.SequenceEqual(label) : label.StartsWith(template.Start);

    /// <summary>Applies it; false where the labels are dropped, all of them.</summary>
    public bool Apply(LabelSet labels)
    {
        switch (Action)
        {
            case RelabelAction.Keep:
                return Pattern.IsMatch(Value(labels).Span);
            case RelabelAction.Drop:
                return !Pattern.IsMatch(Value(labels).Span);
            case RelabelAction.KeepEqual:
                return labels.Get(TargetLabel.Start).Span.SequenceEqual(Value(labels).Span);
            case RelabelAction.DropEqual:
                return !labels.Get(TargetLabel.Start).Span.SequenceEqual(Value(labels).Span);
            case RelabelAction.Replace:
                Replace(labels);
                return true;
            case RelabelAction.HashMod:
                Span<byte> digits = stackalloc byte[20];
                Utf8Formatter.TryFormat(HashMod.Of(Value(labels).Span, Modulus), digits, out var length);
                labels.Set(TargetLabel.Expand(default, [], labels), labels.Copy(digits[..length]));
                return true;
            case RelabelAction.Lowercase:
            case RelabelAction.Uppercase:
                labels.Set(TargetLabel.Expand(default, [], labels), InCase(Value(labels), labels));
                return true;
            case RelabelAction.LabelMap:
                MapNames(labels);
                return true;
            default:
                for (var i = labels.Count - 1; i >= 0; i--)
                {
                    if (Pattern.IsMatch(labels.Name(i).Span) == (Action == RelabelAction.LabelDrop))
                        labels.RemoveAt(i);
                }
                return true;
        }
    }

    private void Replace(LabelSet labels)
    {
        var value = Value(labels);
        Span<int> groups = stackalloc int[TargetLabel.NeedsGroups || Replacement.NeedsGroups ? 2 * Pattern.Groups : 0];
        if (!Pattern.Match(value.Span, groups))
            return;
        var name = TargetLabel.Expand(value, groups, labels);
        if (name.Length > 0) // all other UTF-8 is a name
            labels.Set(name, Replacement.Expand(value, groups, labels));
    }

    private void MapNames(LabelSet labels)
    {
        Span<int> groups = stackalloc int[Replacement.NeedsGroups ? 2 * Pattern.Groups : 0];
        // What is mapped are the labels as they are before; Set puts what is new behind them, but moves what was filled in.
        foreach (ref readonly var label in labels.Snapshot())
        {
            if (!Pattern.Match(label.Name.Span, groups))
                continue;
            var mapped = Replacement.Expand(label.Name, groups, labels);
            if (mapped.Length > 0)
                labels.Set(mapped, label.Value);
        }
    }

    /// <summary>The values of the source labels with the separator between them.</summary>
    public Text Value(LabelSet labels)
    {
        if (SourceLabels.Length == 0)
            return default;
        var value = labels.Get(SourceLabels[0]);
        if (SourceLabels.Length == 1)
            return value;
        var length = value.Length;
        foreach (var name in SourceLabels.AsSpan(1))
            length += separator.Length + labels.Get(name).Length;
        var joined = labels.Reserve(length, out var to);
        value.Span.CopyTo(to);
        to = to[value.Length..];
        foreach (var name in SourceLabels.AsSpan(1))
        {
            separator.Span.CopyTo(to);
            value = labels.Get(name);
            value.Span.CopyTo(to[separator.Length..]);
            to = to[(separator.Length + value.Length)..];
        }
        return joined;
    }

    /// <summary>Rune by rune, as Go's strings.ToLower and strings.ToUpper: no rune becomes several.</summary>
    private Text InCase(Text value, LabelSet labels)
    {
        var toUpper = Action == RelabelAction.Uppercase;
        // The UTF-8 of the other case is at most half as long again.
        labels.Reserve(value.Length + value.Length / 2 + 4, out var to);
        var length = 0;
        for (var from = value.Span; !from.IsEmpty;)
        {
            Rune.DecodeFromUtf8(from, out var rune, out var consumed);
            from = from[consumed..];
            length += ToCase(rune, toUpper).EncodeToUtf8(to[length..]);
        }
        return labels.Copy(to[..length]);
    }

    /// <summary>.NET leaves alone what only some languages map into ASCII; Go does not.</summary>
    private static Rune ToCase(Rune rune, bool toUpper) => (rune.Value, toUpper) switch
    {
        (0x131, true) => new Rune('I'),
        (0x17F, true) => new Rune('S'),
        (0x130, false) => new Rune('i'),
        (0x212A, false) => new Rune('k'),
        (_, true) => Rune.ToUpperInvariant(rune),
        _ => Rune.ToLowerInvariant(rune),
    };
}
