namespace Sidecar.Configuration;

/// <summary>A variable in effect.</summary>
/// <param name="Variable">The row of the table.</param>
/// <param name="Name">As it is written: for one job, or for all.</param>
/// <param name="Value">Ready to be shown in one line: secrets redacted, empty for none.</param>
/// <param name="IsFromEnvironment">Whether the environment set it.</param>
/// <param name="Profile">The profile that the value is from; null where it is not from one.</param>
internal sealed record Setting(Variable Variable, string Name, string Value, bool IsFromEnvironment, string? Profile);
