namespace Sidecar.Configuration;

/// <summary>One environment variable as people and the program know it. A row of <see cref="Variables"/>.</summary>
/// <param name="Type">What sort of value it takes, in a word or two: <c>duration</c>.</param>
/// <param name="Default">As one would write it, parsed like a value from the environment; null where unset means none.</param>
/// <param name="DefaultInWords">Where the default depends on other things; shown instead of it.</param>
internal sealed record Variable(
    string Name, VariableGroup Group, string Type, string Meaning, string Example, string? Default, string? DefaultInWords,
    Redaction Redaction)
{
    public bool IsOfJob => Group is VariableGroup.Targets or VariableGroup.Scraping && Name != Variables.JobsName;
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
