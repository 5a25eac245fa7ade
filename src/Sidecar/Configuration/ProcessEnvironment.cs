using System.Collections;

namespace Sidecar.Configuration;

/// <summary>The real environment. Everything else takes a dictionary, so that tests hand in their own.</summary>
internal static class ProcessEnvironment
{
    public static IReadOnlyDictionary<string, string?> Read()
    {
        var variables = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (DictionaryEntry entry in Environment.GetEnvironmentVariables())
            variables[(string)entry.Key] = (string?)entry.Value;
        return variables;
    }
}
