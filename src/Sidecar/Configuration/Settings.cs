using System.Collections.Immutable;
using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>Looks variables up while the options are read, and collects what is wrong or odd with them.</summary>
internal sealed class Settings(IReadOnlyDictionary<string, string?> environment)
{
    private readonly List<ConfigurationError> _errors = [];
    private readonly List<ConfigurationWarning> _warnings = [];
    private readonly Dictionary<string, string> _derived = new(StringComparer.Ordinal);

    public bool HasErrors => _errors.Count > 0;

    /// <summary>Whether the environment gives the variable a value. Empty is unset, but for the listener, which empty turns off.</summary>
    public bool IsSet(Variable variable) => Text(variable) is not null;

    public bool IsWrong(Variable variable) => _errors.Any(e => e.Name == variable.Name);

    /// <summary>The value of a variable that has a default; the default, too, where the value is wrong.</summary>
    public T Read<T>(Variable variable, Func<string, Parsed<T>> parse) => Read(variable, parse, parse(variable.Default!).Value!);

    public T Read<T>(Variable variable, Func<string, Parsed<T>> parse, T absent)
    {
        if (Text(variable) is not { } text)
            return absent;
        var parsed = parse(text);
        if (parsed.Problem is null)
            return parsed.Value!;
        Error(variable, parsed.Problem, parsed.Remedy);
        return absent;
    }

    public string? ReadText(Variable variable, Func<string, Parsed<string>> parse) => Read<string?>(variable, text =>
    {
        var parsed = parse(text);
        return parsed.Problem is null ? parsed.Value : new Wrong(parsed.Problem, parsed.Remedy);
    }, absent: null);

    /// <summary>The value in effect where it is neither from the environment nor the default in the table.</summary>
    public void Derive(Variable variable, string? value) => _derived[variable.Name] = value ?? "";

    public void Error(Variable variable, string problem, string? remedy = null)
    {
        var value = Text(variable) is { } text ? Redacted.Of(variable, text) : null;
        _errors.Add(new(variable.Name, value, problem, remedy ?? $"write it like {variable.Example}"));
    }

    /// <summary>An error of a name that is not in the table. Its value is not shown: nobody knows whether it is secret.</summary>
    public void Error(string name, string problem, string remedy) => _errors.Add(new(name, null, problem, remedy));

    public void Warn(Variable variable, string message) => Warn(variable.Name, message);

    public void Warn(string name, string message) => _warnings.Add(new(name, message));

    /// <summary>All of them, in the order of the table of variables.</summary>
    public ImmutableArray<ConfigurationError> Errors =>
        [.. _errors.OrderBy(e => Position(e.Name)).ThenBy(e => e.Name, StringComparer.Ordinal)];

    public ImmutableArray<ConfigurationWarning> Warnings => [.. _warnings];

    /// <summary>Every variable of the table with the value in effect.</summary>
    public ImmutableArray<Setting> InEffect() => [.. Variables.All.Select(InEffect)];

    /// <summary>
    /// White space around a value is a slip of the YAML that it came from, and a password from a Secret often ends in a line break;
    /// spaces around a password may be part of it.
    /// </summary>
    private string? Text(Variable variable)
    {
        if (!environment.TryGetValue(variable.Name, out var value) || value is null)
            return null;
        value = variable.IsSecret ? value.TrimEnd('\r', '\n') : value.Trim();
        return value.Length > 0 || variable == Variables.ListenAddress ? value : null;
    }

    private Setting InEffect(Variable variable)
    {
        if (Text(variable) is { } text)
            return new(variable, OneLine.Of(Redacted.Of(variable, text)), IsFromEnvironment: true);
        return new(variable, _derived.GetValueOrDefault(variable.Name) ?? variable.Default ?? "", IsFromEnvironment: false);
    }

    private static int Position(string name)
    {
        for (var i = 0; i < Variables.All.Length; i++)
            if (Variables.All[i].Name == name)
                return i;
        return int.MaxValue;
    }
}
