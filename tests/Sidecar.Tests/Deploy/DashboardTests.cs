using System.Text.Json;
using System.Text.RegularExpressions;
using Sidecar.Tests.Repository;

namespace Sidecar.Tests.Deploy;

/// <summary>The dashboards can be imported as they are, into any Grafana with any Prometheus behind it.</summary>
public sealed partial class DashboardTests
{
    private static JsonElement Read(string file)
    {
        using var json = JsonDocument.Parse(RepositoryFiles.Read("src", "deploy", file));
        return json.RootElement.Clone();
    }

    public static TheoryData<string> Files => [.. Expression.Dashboards];

    [Theory]
    [MemberData(nameof(Files))]
    public void Panels_have_ids_of_their_own_and_do_not_overlap(string file)
    {
        var ids = new HashSet<int>();
        var cells = new Dictionary<(int, int), string>();
        foreach (var panel in Read(file).GetProperty("panels").EnumerateArray())
        {
            var title = panel.GetProperty("title").GetString()!;
            Assert.NotEmpty(title);
            Assert.True(ids.Add(panel.GetProperty("id").GetInt32()), $"{title}: its id is another's");
            var place = panel.GetProperty("gridPos");
            int Place(string name) => place.GetProperty(name).GetInt32();
            Assert.InRange(Place("x") + Place("w"), 1, 24);
            for (var x = Place("x"); x < Place("x") + Place("w"); x++)
            {
                for (var y = Place("y"); y < Place("y") + Place("h"); y++)
                    Assert.True(cells.TryAdd((x, y), title), $"{title} lies over {cells.GetValueOrDefault((x, y))}");
            }
        }
        // No gaps either: what is above moves nothing when Grafana packs the panels.
        var height = cells.Keys.Max(c => c.Item2) + 1;
        Assert.Equal(24 * height, cells.Count);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_panel_asks_the_chosen_data_source_and_has_a_unit(string file)
    {
        var dashboard = Read(file);
        Assert.Equal("datasource", dashboard.GetProperty("templating").GetProperty("list")[0].GetProperty("name").GetString());
        Assert.Equal(JsonValueKind.Null, dashboard.GetProperty("id").ValueKind);
        Assert.Matches("^[a-z-]{1,40}$", dashboard.GetProperty("uid").GetString());
        foreach (var panel in dashboard.GetProperty("panels").EnumerateArray().Where(p => p.GetProperty("type").GetString() != "row"))
        {
            Assert.Contains(panel.GetProperty("type").GetString(), (string[])["stat", "timeseries"]);
            Assert.NotEmpty(panel.GetProperty("fieldConfig").GetProperty("defaults").GetProperty("unit").GetString()!);
            var targets = panel.GetProperty("targets").EnumerateArray().ToList();
            Assert.NotEmpty(targets);
            Assert.Equal(targets.Count, targets.Select(t => t.GetProperty("refId").GetString()).Distinct().Count());
        }
        var sources = SourcePattern().Matches(RepositoryFiles.Read("src", "deploy", file)).Select(m => m.Groups[1].Value).Distinct();
        Assert.Equal(["${datasource}"], sources);
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void Every_variable_that_is_used_exists_and_is_used(string file)
    {
        var defined = Read(file).GetProperty("templating").GetProperty("list").EnumerateArray()
            .Select(v => v.GetProperty("name").GetString()!).Except(["datasource"]);
        var used = Expression.OfDashboard(file).SelectMany(e => VariablePattern().Matches(e.Text)).Select(m => m.Groups[1].Value)
            .Except(["__rate_interval"]).Distinct();
        Assert.Equal(defined.Order(), used.Order());
    }

    [GeneratedRegex("\"uid\": \"([^\"]*[$][^\"]*)\"")]
    private static partial Regex SourcePattern();

    [GeneratedRegex(@"\$(\w+)")]
    private static partial Regex VariablePattern();
}
