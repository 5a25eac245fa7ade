using Cluster;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Repository;

/// <summary>The files beside the sources, as they stand in the repository.</summary>
internal static class RepositoryFiles
{
    public static string Root => SidecarBinary.RepositoryRoot;

    public static string Read(params ReadOnlySpan<string> path) => File.ReadAllText(Path.Combine([Root, .. path]));

    /// <summary>The documents of one YAML file; the parser itself refuses a key that is there twice.</summary>
    public static IReadOnlyList<YamlNode> Yaml(params ReadOnlySpan<string> path)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(Read(path)));
        return [.. stream.Documents.Select(d => d.RootNode)];
    }

    /// <summary>The version that all projects have.</summary>
    public static string Version =>
        System.Xml.Linq.XDocument.Parse(Read("Directory.Build.props")).Descendants("Version").Single().Value;
}
