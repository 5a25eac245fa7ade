namespace Sidecar.Configuration;

/// <summary>Where a value stands.</summary>
internal enum ValueSource
{
    None,
    Plain,
    Profile,
    /// <summary>In the job's own variable; for the only job, in the plain one.</summary>
    Own,
}

/// <summary>A value as it is written, and the variable that it is written in.</summary>
internal readonly record struct WrittenValue(string? Text, string Name, ValueSource Source);

/// <summary>Where one job's variables are looked up: its own (job name and two underscores), its profile, then the plain ones.</summary>
/// <param name="name">As in SIDECAR_JOBS; empty for the only one.</param>
internal sealed class JobVariables(string name)
{
    public const string Separator = "__";

    /// <summary>The one job that there is where none is named.</summary>
    public static readonly JobVariables Only = new("");

    private readonly string prefix = Prefix(name);

    public string Name => name;
    public JobProfile? Profile { get; } = JobProfile.Find(name);

    /// <summary>What stands before its variables: <c>SIDECAR_KUBE_SCHEDULER__</c>.</summary>
    public static string Prefix(string name) =>
        name.Length == 0 ? Variables.Prefix : Variables.Prefix + name.ToUpperInvariant().Replace('-', '_') + Separator;

    /// <summary>The job of the own metrics; nobody can call one so.</summary>
    public const string Self = "(self)";

    /// <summary>Letters and digits with hyphens or underscores between them.</summary>
    public static bool IsName(string name) => name.Length is > 0 and <= 63
        && char.IsAsciiLetterOrDigit(name[0]) && char.IsAsciiLetterOrDigit(name[^1])
        && name.All(static c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_')
        && !Prefix(name)[Variables.Prefix.Length..^Separator.Length].Contains(Separator, StringComparison.Ordinal);

    public string NameOf(Variable variable) => variable.IsOfJob ? prefix + variable.Name[Variables.Prefix.Length..] : variable.Name;

    /// <summary>Values are trimmed, passwords only of a final line break. Empty is unset, but turns the listener off.</summary>
    public WrittenValue Find(IReadOnlyDictionary<string, string?> environment, Variable variable)
    {
        var own = NameOf(variable);
        if (Text(environment, variable, own) is { } text)
            return new(text, own, ValueSource.Own);
        // Who sets one way to authenticate for the job means that one, and not another one of all jobs beside it.
        if (Name.Length > 0 && Variables.OfAuthentication.Contains(variable) && HasOwn(environment, Variables.OfAuthentication))
            return new(null, own, ValueSource.None);
        if (OfProfile(environment, variable) is { } value)
            return value.Length == 0 ? new(null, own, ValueSource.None) : new(value, own, ValueSource.Profile);
        if (Text(environment, variable, variable.Name) is { } plain)
            return new(plain, variable.Name, ValueSource.Plain);
        return new(null, own, ValueSource.None);
    }

    /// <summary>The text with its variables written as they are for this job.</summary>
    public string Localize(string text)
    {
        // The longest first: SIDECAR_SHARD begins SIDECAR_SHARDS.
        foreach (var variable in Variables.All.Where(v => v.IsOfJob).OrderByDescending(v => v.Name.Length))
            text = text.Replace(variable.Name, NameOf(variable), StringComparison.Ordinal);
        return text;
    }

    private static string? Text(IReadOnlyDictionary<string, string?> environment, Variable variable, string name)
    {
        if (!environment.TryGetValue(name, out var value) || value is null)
            return null;
        value = variable.IsSecret ? value.TrimEnd('\r', '\n') : value.Trim();
        return value.Length > 0 || variable == Variables.ListenAddress ? value : null;
    }

    /// <summary>Null where it says nothing, empty where it says that there is none.</summary>
    private string? OfProfile(IReadOnlyDictionary<string, string?> environment, Variable variable)
    {
        if (Name.Length == 0)
            return null;
        var value = Profile?.Values.LastOrDefault(v => ReferenceEquals(v.Variable, variable)).Value;
        if (ReferenceEquals(variable, Variables.JobName))
            return value ?? Name;
        // Who says how to discover wants discovery, and who says what to trust wants certificates checked.
        if (value is { Length: > 0 } && ReferenceEquals(variable, Variables.Targets) && HasOwn(environment, Variables.OfDiscovery))
            return "";
        if (ReferenceEquals(variable, Variables.ScrapeHttp.InsecureSkipVerify) && HasOwn(environment, [Variables.ScrapeHttp.CaFile]))
            return null;
        return value?.Replace(JobProfile.HostIp, HostIp(environment), StringComparison.Ordinal);
    }

    private bool HasOwn(IReadOnlyDictionary<string, string?> environment, ImmutableArray<Variable> variables) =>
        variables.Any(v => Text(environment, v, NameOf(v)) is not null);

    private static string HostIp(IReadOnlyDictionary<string, string?> environment) =>
        environment.GetValueOrDefault("HOST_IP")?.Trim() is { Length: > 0 } ip ? Hosts.Bracketed(ip) : JobProfile.HostIp;
}
