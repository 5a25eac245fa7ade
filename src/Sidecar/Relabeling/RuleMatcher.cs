using System.Buffers.Text;
using Sidecar.Relabeling.Patterns;

namespace Sidecar.Relabeling;

/// <summary>Applies one rule as Prometheus does (model/relabel/relabel.go). Belongs to one pass.</summary>
internal sealed class RuleMatcher(RelabelRule rule)
{
    private readonly PatternMatcher matcher = new(rule.Pattern);
    private readonly Text separator = new(rule.Separator);

    public RelabelRule Rule => rule;

    public bool IsMatch(ReadOnlySpan<byte> text) => matcher.IsMatch(text);

    /// <summary>Whether the rule's pattern may match some text that begins so; false is certain.</summary>
    public bool CanBegin(ReadOnlySpan<byte> prefix) => matcher.CanBegin(prefix);

    /// <summary>Whether it could give the label another value, or remove it.</summary>
    public bool MayChange(ReadOnlySpan<byte> label) => rule.Action switch
    {
        _ when !rule.IsChanging => false,
        RelabelAction.LabelDrop => matcher.IsMatch(label),
        RelabelAction.LabelKeep => !matcher.IsMatch(label),
        RelabelAction.LabelMap => MayBe(rule.Replacement, label),
        _ => MayBe(rule.TargetLabel, label),
    };

    private static bool MayBe(Template template, ReadOnlySpan<byte> label) =>
        template.IsConstant ? template.Start.SequenceEqual(label) : label.StartsWith(template.Start);

    /// <summary>Applies it; false where the labels are dropped, all of them.</summary>
    public bool Apply(LabelSet labels)
    {
        switch (rule.Action)
        {
            case RelabelAction.Keep:
                return matcher.IsMatch(Value(labels).Span);
            case RelabelAction.Drop:
                return !matcher.IsMatch(Value(labels).Span);
            case RelabelAction.KeepEqual:
                return labels.Get(rule.TargetLabel.Start).Span.SequenceEqual(Value(labels).Span);
            case RelabelAction.DropEqual:
                return !labels.Get(rule.TargetLabel.Start).Span.SequenceEqual(Value(labels).Span);
            case RelabelAction.Replace:
                Replace(labels);
                return true;
            case RelabelAction.HashMod:
                Span<byte> digits = stackalloc byte[20];
                Utf8Formatter.TryFormat(HashMod.Of(Value(labels).Span, rule.Modulus), digits, out var length);
                labels.Set(rule.TargetLabel.Expand(default, [], labels), labels.Copy(digits[..length]));
                return true;
            case RelabelAction.Lowercase:
            case RelabelAction.Uppercase:
                labels.Set(rule.TargetLabel.Expand(default, [], labels), InCase(Value(labels), labels));
                return true;
            case RelabelAction.LabelMap:
                MapNames(labels);
                return true;
            default:
                for (var i = labels.Count - 1; i >= 0; i--)
                {
                    if (matcher.IsMatch(labels.Name(i).Span) == (rule.Action == RelabelAction.LabelDrop))
                        labels.RemoveAt(i);
                }
                return true;
        }
    }

    private void Replace(LabelSet labels)
    {
        var value = Value(labels);
        Span<int> groups = stackalloc int[rule.TargetLabel.NeedsGroups || rule.Replacement.NeedsGroups ? 2 * rule.Pattern.Groups : 0];
        if (!matcher.Match(value.Span, groups))
            return;
        var name = rule.TargetLabel.Expand(value, groups, labels);
        if (name.Length > 0) // all other UTF-8 is a name
            labels.Set(name, rule.Replacement.Expand(value, groups, labels));
    }

    private void MapNames(LabelSet labels)
    {
        Span<int> groups = stackalloc int[rule.Replacement.NeedsGroups ? 2 * rule.Pattern.Groups : 0];
        // What is mapped are the labels as they are before; Set puts what is new behind them, but moves what was filled in.
        foreach (ref readonly var label in labels.Snapshot())
        {
            if (!matcher.Match(label.Name.Span, groups))
                continue;
            var mapped = rule.Replacement.Expand(label.Name, groups, labels);
            if (mapped.Length > 0)
                labels.Set(mapped, label.Value);
            else
                labels.HasNameless = true;
        }
    }

    /// <summary>The values of the source labels with the separator between them.</summary>
    public Text Value(LabelSet labels)
    {
        if (rule.SourceLabels.Length == 0)
            return default;
        var value = labels.Get(rule.SourceLabels[0].AsSpan());
        if (rule.SourceLabels.Length == 1)
            return value;
        var length = value.Length;
        foreach (var name in rule.SourceLabels.AsSpan()[1..])
            length += separator.Length + labels.Get(name.AsSpan()).Length;
        var joined = labels.Reserve(length, out var to);
        value.Span.CopyTo(to);
        to = to[value.Length..];
        foreach (var name in rule.SourceLabels.AsSpan()[1..])
        {
            separator.Span.CopyTo(to);
            value = labels.Get(name.AsSpan());
            value.Span.CopyTo(to[separator.Length..]);
            to = to[(separator.Length + value.Length)..];
        }
        return joined;
    }

    /// <summary>Rune by rune, as Go's strings.ToLower and strings.ToUpper: no rune becomes several.</summary>
    private Text InCase(Text value, LabelSet labels)
    {
        var toUpper = rule.Action == RelabelAction.Uppercase;
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
