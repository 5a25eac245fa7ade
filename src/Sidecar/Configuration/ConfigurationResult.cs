using System.Collections.Immutable;

namespace Sidecar.Configuration;

/// <summary>What came of reading the environment.</summary>
/// <param name="Options">Null exactly when there are errors.</param>
/// <param name="Errors">All of them, in the order of the table of variables.</param>
/// <param name="Warnings">What to log at start.</param>
/// <param name="Settings">Every variable of the table with the value in effect.</param>
internal sealed record ConfigurationResult(
    Options? Options,
    ImmutableArray<ConfigurationError> Errors,
    ImmutableArray<ConfigurationWarning> Warnings,
    ImmutableArray<Setting> Settings);

/// <summary>A variable in effect.</summary>
/// <param name="Variable">The row of the table.</param>
/// <param name="Value">Ready to be shown in one line: secrets redacted, empty for none.</param>
/// <param name="IsFromEnvironment">Whether the environment set it.</param>
internal sealed record Setting(Variable Variable, string Value, bool IsFromEnvironment);
