using System.Collections.Immutable;
using System.Reflection;
using System.Text;
using Sidecar.Discovery;
using Sidecar.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Relabeling;

/// <summary>All targets and passes share the rules: passes that run at the same time must not see each other in them.</summary>
public sealed class SharedRulesTests
{
    private const int Values = 20_000;

    private static readonly SeriesRules Shared = new(
        Rules.Parse("""
            [{"source_labels":["v"],"regex":"([a-z]+)-(\\d+)","target_label":"w","replacement":"$2:$1"},
             {"source_labels":["v"],"regex":".*-\\d*7","target_label":"seven","replacement":"yes"},
             {"regex":"x(.)y","action":"labelmap","replacement":"z$1"}]
            """),
        Rules.Parse("""{"source_labels":["w"],"regex":"(\\d+):(.*)","target_label":"u","replacement":"$2/$1"}"""));

    [Fact]
    [Trait("Speed", "Slow")]
    public async Task Passes_at_the_same_time_relabel_as_one_after_another()
    {
        using var start = new Barrier(4);
        var passes = Enumerable.Range(0, 4).Select(pass => Task.Factory.StartNew(() =>
        {
            using var target = new ScrapeFixture(budget: 0, rules: Shared);
            var word = new string((char)('a' + pass), 3 + pass);
            var body = new StringBuilder();
            for (var i = 0; i < Values; i++)
                body.Append($"m{{v=\"{word}-{i}\",x1y=\"{i}\"}} 1\n");
            start.SignalAndWait();
            return (word, sent: target.Sent(body.ToString(), 1000));
        }, TaskCreationOptions.LongRunning)).ToArray();
        foreach (var (word, sent) in await Task.WhenAll(passes))
        {
            for (var i = 0; i < Values; i++)
            {
                var seven = i % 10 == 7 ? "seven=\"yes\"," : "";
                Assert.Equal($"m{{{seven}u=\"{word}/{i}\",v=\"{word}-{i}\",w=\"{i}:{word}\",x1y=\"{i}\",z1=\"{i}\"}} 1 @1000", sent[i]
                    .Replace(ScrapeFixture.Labels + ",", "").Replace("," + ScrapeFixture.Labels, ""));
            }
        }
    }

    /// <summary>
    /// What may be changed cannot be reached from what is shared: all fields are read-only, and of types that do not change.
    /// </summary>
    [Theory]
    [InlineData(typeof(SeriesRules))]
    [InlineData(typeof(TargetLabels))]
    [InlineData(typeof(Target))]
    public void What_passes_share_cannot_change(Type type) => AssertImmutable(type, type.Name, []);

    private static void AssertImmutable(Type type, string path, HashSet<Type> seen)
    {
        if (type.IsPrimitive || type.IsEnum || type == typeof(string) || type == typeof(Uri) || type == typeof(TimeSpan) || !seen.Add(type))
            return;
        if (Nullable.GetUnderlyingType(type) is { } value)
        {
            AssertImmutable(value, path, seen);
            return;
        }
        if (type.IsGenericType && (type.GetGenericTypeDefinition() == typeof(ImmutableArray<>)
            || type.GetGenericTypeDefinition() == typeof(KeyValuePair<,>)))
        {
            foreach (var argument in type.GetGenericArguments())
                AssertImmutable(argument, path, seen);
            return;
        }
        Assert.True(type.Namespace!.StartsWith("Sidecar", StringComparison.Ordinal), $"{path}: {type} may change");
        Assert.True(type.IsValueType || type.IsSealed, $"{path}: {type} is not sealed");
        foreach (var field in type.GetFields(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic))
        {
            Assert.True(field.IsInitOnly, $"{path}.{field.Name} may change");
            AssertImmutable(field.FieldType, $"{path}.{field.Name}", seen);
        }
    }
}
