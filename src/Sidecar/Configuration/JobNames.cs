using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>SIDECAR_JOBS.</summary>
internal static class JobNames
{
    /// <summary>The jobs in their order; the only one where none is named, or the names are wrong.</summary>
    public static ImmutableArray<JobVariables> Read(Settings settings, IReadOnlyDictionary<string, string?> environment)
    {
        var names = settings.Read(Variables.Jobs, Parse, absent: []);
        if (names.IsEmpty)
            return [JobVariables.Only];
        if (settings.IsSet(Variables.JobName))
            settings.Warn(Variables.JobName,
                $"has no effect beside {Variables.Jobs.Name}: each job's label is its name, or its own {JobVariables.Separator}JOB_NAME");
        foreach (var name in names)
        {
            if (JobProfile.Find(name) is not null
                || NearestWord.Of(name, [.. JobProfile.All.Select(p => p.Name)]) is not { } nearest
                || environment.Keys.Any(k => k.StartsWith(JobVariables.Prefix(name), StringComparison.Ordinal)))
                continue;
            settings.Warn(Variables.Jobs, $"no profile is called {name}, and nothing is set for that job; did you mean {nearest}?");
        }
        return [.. names.Select(n => new JobVariables(n))];
    }

    private static Parsed<ImmutableArray<string>> Parse(string text)
    {
        var names = text.Split(',', StringSplitOptions.TrimEntries);
        for (var i = 0; i < names.Length; i++)
        {
            if (!JobVariables.IsName(names[i]))
                return new Wrong($"entry {i + 1} is no name of a job (letters, digits and single hyphens between them)");
            for (var j = 0; j < i; j++)
            {
                if (names[i] == names[j])
                    return new Wrong($"it names {names[i]} twice");
                if (JobVariables.Prefix(names[i]) == JobVariables.Prefix(names[j]))
                    return new Wrong($"the variables of {names[j]} and {names[i]} would have the same names");
            }
        }
        return names.ToImmutableArray();
    }
}
