namespace Sidecar.Relabeling;

/// <summary>Metric relabel rules that go by a name: what SIDECAR_PRESET can be.</summary>
internal static class Presets
{
    public const string ApiServerLean = """
        [
        ]
        """;

    public static readonly (string Name, string Rules)[] All = [("apiserver-lean", ApiServerLean)];
}
