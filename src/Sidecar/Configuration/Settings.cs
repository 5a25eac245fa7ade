using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>Looks variables up while the options are read, and collects what is wrong or odd with them.</summary>
/// <param name="job">Whose variables; null where those of all jobs are meant.</param>
/// <param name="all">Those of all jobs, where one job's are meant.</param>
internal sealed class Settings(IReadOnlyDictionary<string, string?> environment, JobVariables? job = null, Settings? all = null)
{
    private readonly List<(Variable? Variable, ConfigurationError Error)> errors = all?.errors ?? [];
    private readonly List<ConfigurationWarning> warnings = all?.warnings ?? [];
    private readonly Dictionary<string, string> derived = new(StringComparer.Ordinal);

    public JobVariables Job { get; } = job ?? JobVariables.Only;
    public bool HasErrors => errors.Count > 0;

    /// <summary>The variables of one job; errors and warnings stay together.</summary>
    public Settings Of(JobVariables ofJob) => ofJob.Name.Length == 0 ? this : new(environment, ofJob, this);

    /// <summary>Whether the environment or the job's profile gives the variable a value.</summary>
    public bool IsSet(Variable variable) => Find(variable).Text is not null;

    public ValueSource SourceOf(Variable variable) => Find(variable).Source;

    /// <summary>Set by hand for this very job; for the only job, by the plain variable.</summary>
    public bool IsOwn(Variable variable) => SourceOf(variable) == ValueSource.Own;

    public bool IsWrong(Variable variable) => errors.Any(e => e.Error.Name == Find(variable).Name);

    /// <summary>The value of a variable that has a default; the default, too, where the value is wrong.</summary>
    public T Read<T>(Variable variable, Func<string, Parsed<T>> parse) => Read(variable, parse, parse(variable.Default!).Value!);

    public T Read<T>(Variable variable, Func<string, Parsed<T>> parse, T absent)
    {
        if (Find(variable).Text is not { } text)
            return absent;
        var parsed = parse(text);
        if (parsed.Problem is null)
            return parsed.Value!;
        Add(variable, parsed.Problem, parsed.Remedy);
        return absent;
    }

    /// <summary>Null where the variable is not set, or wrong.</summary>
    public string? ReadText(Variable variable, Func<string, Parsed<string>> parse) => Read(variable, parse, absent: null!);

    /// <inheritdoc cref="ReadText"/>
    public Uri? ReadUrl(Variable variable, Func<string, Parsed<Uri>> parse) => Read(variable, parse, absent: null!);

    /// <summary>Records an effective value that is neither set nor the table's default; one derived of discovery is every job's.</summary>
    public void Derive(Variable variable, string? value) =>
        (variable.Group == VariableGroup.Targets && all is not null ? all : this).derived[variable.Name] = value ?? "";

    /// <summary>The job is named where the variable does not name it.</summary>
    public void Error(Variable variable, string problem, string? remedy = null) =>
        Add(variable, all is not null && Find(variable).Source == ValueSource.Plain ? $"for the job {Job.Name}, {problem}" : problem,
            remedy);

    /// <summary>An error of a name that is not in the table. Its value is not shown: nobody knows whether it is secret.</summary>
    public void Error(string name, string problem, string remedy) => errors.Add((null, new(name, null, problem, remedy)));

    public void Warn(Variable variable, string message, string remedy = "unset it, or give it another value") =>
        Warn(Find(variable).Name, Job.Localize(message), Job.Localize(remedy));

    public void Warn(string name, string message, string remedy)
    {
        var warning = new ConfigurationWarning(name, message, remedy);
        if (!warnings.Contains(warning))
            warnings.Add(warning);
    }

    /// <summary>All of them, in the order of the table of variables.</summary>
    public ImmutableArray<ConfigurationError> Errors =>
    [
        .. errors.OrderBy(e => e.Variable is { } variable ? Variables.All.IndexOf(variable) : int.MaxValue)
            .ThenBy(e => e.Error.Name, StringComparer.Ordinal).Select(e => e.Error),
    ];

    public ImmutableArray<ConfigurationWarning> Warnings => [.. warnings];

    /// <summary>Every variable of the table with the value in effect for all jobs.</summary>
    public ImmutableArray<Setting> InEffect() => [.. Variables.All.Select(InEffect)];

    /// <summary>What this job has that is not that of all.</summary>
    public IEnumerable<Setting> InEffectOfJob() => Variables.All
        .Where(v => v.IsOfJob && (SourceOf(v) is ValueSource.Own or ValueSource.Profile || derived.ContainsKey(v.Name)))
        .Select(InEffect);

    private WrittenValue Find(Variable variable) => Job.Find(environment, variable);

    private Setting InEffect(Variable variable)
    {
        var (text, _, source) = Find(variable);
        var value = text is null ? derived.GetValueOrDefault(variable.Name) ?? variable.Default ?? ""
            : OneLine.Of(Redacted.Of(variable, text));
        return new(variable, Job.NameOf(variable), value, source is ValueSource.Own or ValueSource.Plain,
            source == ValueSource.Profile ? Job.Profile?.Name ?? Job.Name : null);
    }

    private void Add(Variable variable, string problem, string? remedy)
    {
        var (text, name, _) = Find(variable);
        var error = new ConfigurationError(name, text is null ? null : Redacted.Of(variable, text), Job.Localize(problem),
            Job.Localize(remedy ?? $"write it like {variable.Example}"));
        if (!errors.Exists(e => e.Error == error))
            errors.Add((variable, error));
    }
}
