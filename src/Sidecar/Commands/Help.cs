using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Primitives;

namespace Sidecar.Commands;

/// <summary><c>sidecar help</c>.</summary>
internal static class Help
{
    private const int Width = 140;
    private const int CommandWidth = 16;

    /// <summary>Of one command or variable.</summary>
    /// <returns>The exit code.</returns>
    public static int Write(TextWriter output, TextWriter errors, string topic)
    {
        var command = Array.Find(CommandLine.All, c => c.Usage.Split(' ').ElementAtOrDefault(1) == topic);
        if (command.Usage is not null)
        {
            WriteWrapped(output, "", $"{command.Usage}: {command.Does.Replace("`", "")}.");
            foreach (var (_, option, does) in CommandLine.Options.Where(o => o.Command == topic))
                WriteWrapped(output, $"  {option.PadRight(CommandWidth)}  ", does);
            return ExitCode.Done;
        }
        var name = topic.ToUpperInvariant().Replace('-', '_');
        if (!name.StartsWith(Variables.Prefix, StringComparison.Ordinal))
            name = Variables.Prefix + name;
        if (name.IndexOf(JobVariables.Separator, StringComparison.Ordinal) is > 0 and var job)
            name = Variables.Prefix + name[(job + JobVariables.Separator.Length)..];
        if (Variables.All.FirstOrDefault(v => v.Name == name) is { } variable)
        {
            WriteWrapped(output, "", $"{variable.Name}: {variable.Meaning}.");
            WriteWrapped(output, "  type     ", variable.Type + (variable.IsSecret ? ", never shown" : ""));
            WriteWrapped(output, "  default  ", variable.DefaultText);
            output.WriteLine($"  example  {variable.Name}={variable.Example}");
            return ExitCode.Done;
        }
        var nearest = NearestWord.Of(topic, CommandLine.Names) ?? VariableNames.Nearest(name);
        errors.WriteLine($"sidecar help: '{topic}' is no command and no variable; "
            + (nearest is null ? "'sidecar help' lists them" : $"did you mean {nearest}?"));
        return ExitCode.BadConfiguration;
    }

    public static void Write(TextWriter output)
    {
        output.WriteLine("Sidecar scrapes the API servers of Kubernetes and sends what it finds by Prometheus remote write.");
        output.WriteLine("It is configured by environment variables only. In a pod with a service account one is required: "
            + $"{Variables.RemoteWriteUrl.Name}.");
        output.WriteLine();
        output.WriteLine("Commands");
        foreach (var (command, does) in CommandLine.All)
            WriteWrapped(output, $"  {command.PadRight(CommandWidth)}  ", does.Replace("`", ""));
        output.WriteLine();
        output.WriteLine("Exit codes");
        foreach (var (code, meaning) in ExitCode.All)
            output.WriteLine($"  {code}  {meaning}");

        foreach (var group in Variables.All.GroupBy(v => v.Group))
        {
            output.WriteLine();
            output.WriteLine(Title(group.Key));
            WriteTable(output, [.. group]);
        }
        output.WriteLine();
        WriteWrapped(output, "", $"Profiles of {Variables.Jobs.Name}: {string.Join(", ", JobProfile.All.Select(p => p.Name))}.");
        output.WriteLine("A job's own variable comes first, then its profile, then the variable for all jobs, then the default.");
        output.WriteLine("Durations are written like 15s or 1m30s, sizes like 16MB or 1GiB or 8Mi, booleans true and false.");
        output.WriteLine($"An empty value counts as unset, but for {Variables.ListenAddress.Name}.");
    }

    public static string Title(VariableGroup group) => group == VariableGroup.RemoteWrite ? "Remote write" : group.ToString();

    private static void WriteTable(TextWriter output, Variable[] variables)
    {
        var nameWidth = variables.Max(v => v.Name.Length);
        var defaultWidth = Math.Min(24, variables.Max(v => v.DefaultText.Length));
        var meaningWidth = Width - 2 - nameWidth - 2 - defaultWidth - 2;
        foreach (var variable in variables)
        {
            var defaults = Wrap(variable.DefaultText, defaultWidth);
            var meanings = Wrap(variable.Meaning, meaningWidth);
            for (var i = 0; i < Math.Max(defaults.Count, meanings.Count); i++)
            {
                var name = i == 0 ? variable.Name : "";
                var line = $"  {name.PadRight(nameWidth)}  {Cell(defaults, i).PadRight(defaultWidth)}  {Cell(meanings, i)}";
                output.WriteLine(line.TrimEnd());
            }
        }
    }

    private static void WriteWrapped(TextWriter output, string head, string text)
    {
        foreach (var line in Wrap(text, Width - head.Length))
        {
            output.WriteLine(head + line);
            head = new string(' ', head.Length);
        }
    }

    private static string Cell(List<string> lines, int i) => i < lines.Count ? lines[i] : "";

    private static List<string> Wrap(string text, int width)
    {
        var lines = new List<string>();
        var line = new StringBuilder();
        foreach (var word in text.Split(' '))
        {
            if (line.Length > 0 && line.Length + 1 + word.Length > width)
            {
                lines.Add(line.ToString());
                line.Clear();
            }
            if (line.Length > 0)
                line.Append(' ');
            line.Append(word);
        }
        lines.Add(line.ToString());
        return lines;
    }
}
