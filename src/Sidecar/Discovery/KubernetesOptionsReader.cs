using Sidecar.Configuration;
using Sidecar.Http;

namespace Sidecar.Discovery;

/// <summary>SIDECAR_KUBERNETES_…, and the in-cluster address that Kubernetes itself puts into the environment.</summary>
internal static class KubernetesOptionsReader
{
    private const string HostName = "KUBERNETES_SERVICE_HOST";
    private const string PortName = "KUBERNETES_SERVICE_PORT";

    public static KubernetesOptions Read(Settings settings, IReadOnlyDictionary<string, string?> environment, bool isUsed)
    {
        var apiServer = ReadApiServer(settings, environment, isUsed);
        // The service account's token is a default only where TLS keeps it secret, and its CA only where there is TLS.
        var http = ReadHttp(settings, mounted: apiServer?.Scheme != "http");
        if (!isUsed)
            WarnOfUnused(settings);

        return new()
        {
            Role = settings.Read(Variables.KubernetesRole, Words.OneOf(
                ("auto", KubernetesRole.Auto), ("endpointslice", KubernetesRole.EndpointSlice), ("endpoints", KubernetesRole.Endpoints))),
            Namespace = ReadNameOrAll(settings, Variables.KubernetesNamespace),
            Service = ReadNameOrAll(settings, Variables.KubernetesService),
            PortName = ReadNameOrAll(settings, Variables.KubernetesPortName),
            LabelSelector = settings.ReadText(Variables.KubernetesLabelSelector, Texts.ParseLine),
            ApiServer = apiServer,
            Http = http,
            RefreshInterval = settings.Read(Variables.KubernetesRefreshInterval,
                Durations.Within(TimeSpan.FromMilliseconds(100), Durations.MostForTimers)),
            Watch = settings.Read(Variables.KubernetesWatch, Words.Boolean),
        };
    }

    /// <summary>Null for all.</summary>
    private static string? ReadNameOrAll(Settings settings, Variable variable) =>
        settings.Read(variable, Texts.ParseKubernetesNameOrAll) is { } name && name != "*" ? name : null;

    private static Uri? ReadApiServer(Settings settings, IReadOnlyDictionary<string, string?> environment, bool isUsed)
    {
        if (settings.IsSet(Variables.KubernetesApiServer))
            return settings.ReadUrl(Variables.KubernetesApiServer, Urls.ParseBase);

        var host = environment.GetValueOrDefault(HostName);
        var port = environment.GetValueOrDefault(PortName);
        if (string.IsNullOrEmpty(host) || string.IsNullOrEmpty(port))
        {
            if (isUsed)
                settings.Error(Variables.Targets,
                    $"not set, and without {HostName} and {PortName} (not in a pod) there is no API server to ask for targets",
                    $"set it like {Variables.Targets.Example}, or set {Variables.KubernetesApiServer.Name}");
            return null;
        }

        var parsed = Urls.ParseBase($"https://{Hosts.Bracketed(host)}:{port}");
        if (parsed.Value is { } url)
            settings.Derive(Variables.KubernetesApiServer, url.AbsoluteUri);
        else if (isUsed)
            settings.Error(Variables.KubernetesApiServer, $"not set, and {HostName} and {PortName} make no address",
                $"set it like {Variables.KubernetesApiServer.Example}");
        return parsed.Value;
    }

    private static HttpOptions ReadHttp(Settings settings, bool mounted)
    {
        var insecure = settings.Read(Variables.KubernetesInsecureSkipVerify, Words.Boolean);
        if (insecure)
            settings.Warn(Variables.KubernetesInsecureSkipVerify, "the certificate of the API server is not checked",
                $"let {Variables.KubernetesCaFile.Name} name the authority that signed it, and unset it");
        return new()
        {
            CredentialsFile = ReadFile(settings, Variables.KubernetesTokenFile, mounted),
            Tls = new() { CaFile = ReadFile(settings, Variables.KubernetesCaFile, mounted), InsecureSkipVerify = insecure },
        };
    }

    private static string? ReadFile(Settings settings, Variable variable, bool mounted)
    {
        if (mounted || settings.IsSet(variable))
            return settings.Read(variable, Texts.ParseFile);
        settings.Derive(variable, null);
        return null;
    }

    private static void WarnOfUnused(Settings settings)
    {
        var unused = Variables.All.Where(v => v.Name.StartsWith("SIDECAR_KUBERNETES_", StringComparison.Ordinal)
            && v.IsOfJob && settings.IsOwn(v) && !(settings.IsSet(Variables.KubernetesLease) && Variables.OfApiServer.Contains(v)));
        foreach (var variable in unused)
            settings.Warn(variable, $"has no effect, because {Variables.Targets.Name} turns Kubernetes discovery off", "unset one of the two");
    }
}
