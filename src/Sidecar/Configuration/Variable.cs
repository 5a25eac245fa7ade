namespace Sidecar.Configuration;

/// <summary>One environment variable as people and the program know it. A row of <see cref="Variables"/>.</summary>
internal sealed record Variable
{
    public required string Name { get; init; }
    public required VariableGroup Group { get; init; }

    /// <summary>What sort of value it takes, in a word or two: <c>duration</c>.</summary>
    public required string Type { get; init; }

    /// <summary>The default as one would write it, parsed like a value from the environment; null where unset means none.</summary>
    public string? Default { get; init; }

    /// <summary>The default in words where it depends on other things; shown instead of <see cref="Default"/>.</summary>
    public string? DefaultInWords { get; init; }

    public required string Meaning { get; init; }
    public required string Example { get; init; }
    public bool IsOfJob => Group is VariableGroup.Targets or VariableGroup.Scraping && Name != Variables.JobsName;
    public Redaction Redaction { get; init; }
    public bool IsSecret => Redaction == Redaction.Whole;

    /// <summary>The default for a table: a value, words, or a dash.</summary>
    public string DefaultText => DefaultInWords ?? Default ?? "–";
}

/// <summary>The headings of the table of variables, in its order.</summary>
internal enum VariableGroup
{
    Targets,
    Scraping,
    RemoteWrite,
    Queue,
    Operation,
}

/// <summary>Which part of a value is never shown.</summary>
internal enum Redaction
{
    None,
    Whole,
    UrlPassword,
    PairValues,
}
