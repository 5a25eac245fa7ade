using Sidecar.Configuration;

namespace Sidecar.Hosting;

/// <summary>The configuration in effect, for <c>sidecar config</c> and the first log line. Secrets are redacted already.</summary>
internal static class EffectiveConfiguration
{
    /// <summary>One variable a line (<c>SIDECAR_SCRAPE_INTERVAL=15s  # default</c>), then what each job has of its own.</summary>
    public static void Write(TextWriter output, ImmutableArray<Setting> settings)
    {
        foreach (var setting in settings)
        {
            var source = setting.IsFromEnvironment ? "environment" : setting.Profile is { } profile ? $"profile {profile}" : "default";
            output.WriteLine($"{setting.Name}={setting.Value}  # {source}");
        }
    }

    /// <summary>What the environment set, as fields of a log line.</summary>
    public static (string Key, object? Value)[] WhatWasSet(ImmutableArray<Setting> settings) =>
        [.. settings.Where(s => s.IsFromEnvironment).Select(s => (s.Name, (object?)s.Value))];
}
