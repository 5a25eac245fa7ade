namespace Sidecar.Configuration;

/// <summary>A variable in effect.</summary>
/// <param name="Variable">The row of the table.</param>
/// <param name="Value">Ready to be shown in one line: secrets redacted, empty for none.</param>
/// <param name="IsFromEnvironment">Whether the environment set it.</param>
internal sealed record Setting(Variable Variable, string Value, bool IsFromEnvironment);
