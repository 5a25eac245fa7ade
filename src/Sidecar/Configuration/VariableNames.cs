using System.Net;
using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>Names behind SIDECAR_ that are not in the table: of Kubernetes, or slips.</summary>
internal static class VariableNames
{
    private static readonly HashSet<string> Known = [.. Variables.All.Select(v => v.Name)];

    public static void Check(IReadOnlyDictionary<string, string?> environment, Settings settings)
    {
        foreach (var (name, value) in environment)
        {
            if (!name.StartsWith(Variables.Prefix, StringComparison.Ordinal) || Known.Contains(name))
                continue;
            if (IsInjected(name, value ?? ""))
                WarnOfPort(settings, name, value ?? "");
            else
                settings.Error(name, "not a variable of the sidecar", Proposal(name));
        }
    }

    /// <summary>The known name that was most likely meant, or null.</summary>
    public static string? Nearest(string name)
    {
        var wanted = name[Variables.Prefix.Length..].ToUpperInvariant();
        return NearestWord.Of(wanted, [.. Variables.All.Select(v => v.Name[Variables.Prefix.Length..])]) is { } nearest
            ? Variables.Prefix + nearest : NearestByWords(wanted);
    }

    /// <summary>
    /// Kubernetes puts the address of every Service of the namespace into each container: for one called sidecar SIDECAR_SERVICE_HOST,
    /// SIDECAR_SERVICE_PORT, SIDECAR_SERVICE_PORT_NAME, SIDECAR_PORT and SIDECAR_PORT_80_TCP with _PROTO, _PORT and _ADDR; for one called
    /// sidecar-x the same behind SIDECAR_X. Those of other Services must look right in their values too, so that no slip hides among them.
    /// </summary>
    public static bool IsInjected(string name, string value)
    {
        var ofSidecar = name is "SIDECAR_SERVICE_HOST" or "SIDECAR_SERVICE_PORT" or "SIDECAR_PORT"
            || name.StartsWith("SIDECAR_SERVICE_PORT_", StringComparison.Ordinal);
        if (ofSidecar)
            return true;
        if (name.EndsWith("_SERVICE_HOST", StringComparison.Ordinal))
            return IPAddress.TryParse(value, out _);
        if (name.EndsWith("_SERVICE_PORT", StringComparison.Ordinal) || name.Contains("_SERVICE_PORT_", StringComparison.Ordinal))
            return ushort.TryParse(value, out _);
        if (name.EndsWith("_PORT", StringComparison.Ordinal) && IsPortUrl(value))
            return true;
        return IsPortDetail(name);
    }

    private static string Proposal(string name)
    {
        var nearest = Nearest(name);
        if (nearest is null)
            return "sidecar help lists what there is";
        return Variables.All.FirstOrDefault(v => v.Name == nearest) is { } variable
            ? $"did you mean {nearest}, like {nearest}={variable.Example}?"
            : $"did you mean {nearest}? This version does not have it yet";
    }

    private static void WarnOfPort(Settings settings, string name, string value)
    {
        if (name == "SIDECAR_PORT" && !IsPortUrl(value))
            settings.Warn(name, $"has no effect; the port to listen on is set by {Variables.ListenAddress.Name}");
    }

    private static bool IsPortUrl(string value) =>
        value.StartsWith("tcp://", StringComparison.Ordinal) || value.StartsWith("udp://", StringComparison.Ordinal)
        || value.StartsWith("sctp://", StringComparison.Ordinal);

    /// <summary>…_PORT_number_TCP, and the same with _PROTO, _PORT or _ADDR behind it.</summary>
    private static bool IsPortDetail(string name)
    {
        var words = name.Split('_').AsSpan();
        if (words[^1] is "PROTO" or "PORT" or "ADDR")
            words = words[..^1];
        return words.Length >= 4 && words[^1] is "TCP" or "UDP" or "SCTP" && ushort.TryParse(words[^2], out _) && words[^3] == "PORT";
    }

    /// <summary>The one name with all the wanted words in their order and the fewest besides: REMOTE_WRITE_URL for URL.</summary>
    private static string? NearestByWords(string wanted)
    {
        var words = wanted.Split('_', StringSplitOptions.RemoveEmptyEntries);
        if (words.Length == 0)
            return null;
        var best = default(string);
        var fewest = int.MaxValue;
        foreach (var variable in Variables.All)
        {
            var candidate = variable.Name[Variables.Prefix.Length..].Split('_');
            var found = 0;
            foreach (var word in candidate)
                if (found < words.Length && word == words[found])
                    found++;
            if (found < words.Length || candidate.Length > fewest)
                continue;
            best = candidate.Length < fewest ? variable.Name : null;
            fewest = candidate.Length;
        }
        return best;
    }
}
