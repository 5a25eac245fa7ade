using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>What came of reading the environment.</summary>
/// <param name="Options">Null exactly when there are errors.</param>
/// <param name="Errors">All of them, in the order of the table of variables.</param>
/// <param name="Warnings">What to log at start.</param>
/// <param name="Settings">Every variable of the table with the value in effect.</param>
internal sealed record ConfigurationResult(
    Options? Options,
    ImmutableArray<ConfigurationError> Errors,
    ImmutableArray<ConfigurationWarning> Warnings,
    ImmutableArray<Setting> Settings)
{
    /// <summary>A line each.</summary>
    public void WriteErrors(TextWriter output)
    {
        foreach (var error in Errors)
            output.WriteLine(error);
    }
}
