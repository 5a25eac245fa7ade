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
                settings.Error(name, Problem(name, jobs), Proposal(name, jobs));
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

    private static string Problem(string name, ImmutableArray<JobVariables> jobs)
    {
        var at = name.IndexOf(JobVariables.Separator, StringComparison.Ordinal);
        if (at < 0)
            return "not a variable of the sidecar";
        if (JobOf(name, jobs) is not { } job)
            return $"{Variables.Jobs.Name} names no job that is written {name[Variables.Prefix.Length..at]}";
        return Variables.Find(Plain(name)) is not null ? $"the job {job.Name} has none of its own: it holds for the whole process"
            : $"not a variable of the job {job.Name}";
    }

    private static string Proposal(string name, ImmutableArray<JobVariables> jobs)
    {
        // One underscore where two are wanted.
        foreach (var job in jobs)
        {
            if (Variables.All.FirstOrDefault(v => v.IsOfJob && job.NameOf(v).Replace(JobVariables.Separator, "_") == name) is { } meant)
                return $"did you mean {job.NameOf(meant)}?";
        }
        if (!name.Contains(JobVariables.Separator, StringComparison.Ordinal))
            return Nearest(name) is { } known ? Like(known, Variables.Find(known)!.Example) : "sidecar help lists what there is";
        if (JobOf(name, jobs) is not { } owner)
        {
            var at = name.IndexOf(JobVariables.Separator, StringComparison.Ordinal);
            var written = name[..(at + JobVariables.Separator.Length)];
            var named = jobs.Where(j => j.Name.Length > 0).Select(j => JobVariables.Prefix(j.Name)).ToArray();
            return NearestWord.Of(written, named) is { } prefix ? $"did you mean {name.Replace(written, prefix, StringComparison.Ordinal)}?"
                : $"add the job to {Variables.Jobs.Name}{(named.Length == 0 ? ", which is not set" : "")}";
        }
        var nearest = Variables.Find(Plain(name)) is { } whole ? whole.Name : Nearest(Plain(name));
        return nearest is null ? "sidecar help lists what there is"
            : Like(owner.NameOf(Variables.Find(nearest)!), Variables.Find(nearest)!.Example);

        static string Like(string name, string example) => $"did you mean {name}, like {name}={example}?";
    }

    private static JobVariables? JobOf(string name, ImmutableArray<JobVariables> jobs) =>
        jobs.FirstOrDefault(j => j.Name.Length > 0 && name.StartsWith(JobVariables.Prefix(j.Name), StringComparison.Ordinal));

    private static string Plain(string name) => Variables.Prefix
        + name[(name.IndexOf(JobVariables.Separator, StringComparison.Ordinal) + JobVariables.Separator.Length)..];

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
