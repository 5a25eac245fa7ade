namespace Sidecar.Configuration;

/// <summary>A variable in effect.</summary>
/// <param name="Variable">The row of the table.</param>
/// <param name="Value">Ready to be shown in one line: secrets redacted, empty for none.</param>
/// <param name="IsFromEnvironment">Whether the environment set it.</param>
internal sealed record Setting(Variable Variable, string Value, bool IsFromEnvironment)
{
    /// <summary>As it is written: for one job, or for all.</summary>
    public string Name { get; init; } = Variable.Name;

    /// <summary>The profile that the value is from; null where it is not from one.</summary>
    public string? Profile { get; init; }
}
