using System.Net;
using Sidecar.Primitives;

namespace Sidecar.Configuration;

/// <summary>Names behind SIDECAR_ that are not in the table: of Kubernetes, or slips.</summary>
internal static class VariableNames
{
    private static readonly HashSet<string> Known = [.. Variables.All.Select(v => v.Name)];

    public static void Check(IReadOnlyDictionary<string, string?> environment, Settings settings, ImmutableArray<JobVariables> jobs)
    {
        var ofJobs = jobs.SelectMany(j => Variables.All.Where(v => v.IsOfJob).Select(j.NameOf)).ToHashSet();
        foreach (var (name, value) in environment)
        {
            if (!name.StartsWith(Variables.Prefix, StringComparison.Ordinal) || Known.Contains(name) || ofJobs.Contains(name))
                continue;
            if (IsInjected(name, value ?? ""))
                WarnOfPort(settings, name, value ?? "");
            else
            {
                var (problem, remedy) = Explain(name, jobs);
                settings.Error(name, problem, remedy);
            }
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
    private static bool IsInjected(string name, string value) => name.Split('_') switch
    {
        ["SIDECAR", "PORT"] or ["SIDECAR", "SERVICE", "HOST"] or ["SIDECAR", "SERVICE", "PORT", ..] => true,
        [.., "SERVICE", "HOST"] => IPAddress.TryParse(value, out _),
        _ when (name + '_').Contains("_SERVICE_PORT_", StringComparison.Ordinal) => ushort.TryParse(value, out _),
        [.., "PORT"] when IsPortUrl(value) => true,
        [.., "PORT", var port, "TCP" or "UDP" or "SCTP"] => ushort.TryParse(port, out _),
        [.., "PORT", var port, "TCP" or "UDP" or "SCTP", "PROTO" or "PORT" or "ADDR"] => ushort.TryParse(port, out _),
        _ => false,
    };

    private static (string Problem, string Remedy) Explain(string name, ImmutableArray<JobVariables> jobs)
    {
        const string Unknown = "sidecar help lists what there is";
        // A job's name is not empty: SIDECAR__TARGETS names none.
        var at = name.IndexOf(JobVariables.Separator, Variables.Prefix.Length, StringComparison.Ordinal);
        if (at < 0)
        {
            // One underscore where two are wanted.
            var slip = jobs.SelectMany(j => Variables.All.Where(v => v.IsOfJob).Select(j.NameOf))
                .FirstOrDefault(n => n.Replace(JobVariables.Separator, "_") == name);
            return ("not a variable of the sidecar", slip is not null ? $"did you mean {slip}?"
                : Nearest(name) is { } known ? Like(known, Variables.Find(known)!) : Unknown);
        }
        var (prefix, own) = (name[..(at + JobVariables.Separator.Length)], name[(at + JobVariables.Separator.Length)..]);
        var prefixes = jobs.Where(j => j.Name.Length > 0).ToDictionary(j => JobVariables.Prefix(j.Name));
        if (!prefixes.TryGetValue(prefix, out var job))
        {
            return ($"{Variables.Jobs.Name} names no job that is written {name[Variables.Prefix.Length..at]}",
                NearestWord.Of(prefix, [.. prefixes.Keys]) is { } nearest ? $"did you mean {nearest}{own}?"
                    : $"add the job to {Variables.Jobs.Name}{(prefixes.Count == 0 ? ", which is not set" : "")}");
        }
        var whole = Variables.Find(Variables.Prefix + own);
        var meant = whole ?? Variables.Find(Nearest(Variables.Prefix + own) ?? "");
        return (whole is null ? $"not a variable of the job {job.Name}"
                : $"the job {job.Name} has none of its own: it holds for the whole process",
            meant is null ? Unknown : Like(job.NameOf(meant), meant));

        static string Like(string written, Variable variable) => $"did you mean {written}, like {written}={variable.Example}?";
    }

    private static void WarnOfPort(Settings settings, string name, string value)
    {
        if (name == "SIDECAR_PORT" && !IsPortUrl(value))
            settings.Warn(name, $"has no effect; the port to listen on is set by {Variables.ListenAddress.Name}",
                $"unset it, and set {Variables.ListenAddress.Name} where the default will not do");
    }

    private static bool IsPortUrl(string value) =>
        value.StartsWith("tcp://", StringComparison.Ordinal) || value.StartsWith("udp://", StringComparison.Ordinal)
        || value.StartsWith("sctp://", StringComparison.Ordinal);

    /// <summary>The one name with all the wanted words in their order and the fewest besides: REMOTE_WRITE_URL for URL.</summary>
    private static string? NearestByWords(string wanted)
    {
        var words = wanted.Split('_', StringSplitOptions.RemoveEmptyEntries);
        var found = Variables.All.Select(v => v.Name).Where(HasAll).ToList();
        var nearest = found.FindAll(name => name.Count('_') == found.Min(n => n.Count('_')));
        return words.Length > 0 && nearest is [var one] ? one : null;

        bool HasAll(string name)
        {
            var at = 0;
            foreach (var word in name.Split('_'))
                if (at < words.Length && word == words[at])
                    at++;
            return at == words.Length;
        }
    }
}
