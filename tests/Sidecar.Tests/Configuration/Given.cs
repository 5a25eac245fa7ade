using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Hosting;
using Sidecar.Scraping;

namespace Sidecar.Tests.Configuration;

/// <summary>Environments for tests: the one required variable and a pod's own, or no pod; then what the test adds.</summary>
internal static class Given
{
    public const string Url = "http://localhost:9090/api/v1/write";

    public static Dictionary<string, string?> Pod(params (string Name, string? Value)[] variables) => With(
        [("KUBERNETES_SERVICE_HOST", "10.96.0.1"), ("KUBERNETES_SERVICE_PORT", "443"), ("SIDECAR_REMOTE_WRITE_URL", Url), .. variables]);

    public static Dictionary<string, string?> StaticTarget(params (string Name, string? Value)[] variables) => With(
        [("SIDECAR_TARGETS", "10.0.0.1:6443"), ("SIDECAR_REMOTE_WRITE_URL", Url), .. variables]);

    public static Dictionary<string, string?> With(params (string Name, string? Value)[] variables)
    {
        var environment = new Dictionary<string, string?> { ["PATH"] = "/bin" };
        foreach (var (name, value) in variables)
            environment[name] = value;
        return environment;
    }

    public static Options Good(Dictionary<string, string?> environment)
    {
        var result = OptionsReader.Read(environment);
        Assert.Empty(result.Errors.Select(e => e.ToString()));
        return result.Options!;
    }

    extension(Options options)
    {
        /// <summary>Of the only job, as are the others.</summary>
        public ScrapeOptions Scrape => Assert.Single(options.Jobs).Scrape;

        public KubernetesOptions Kubernetes => Assert.Single(options.Jobs).Kubernetes;

        public IReadOnlyList<StaticTarget> Targets => Assert.Single(options.Jobs).Targets;

        /// <summary>The same with its only job changed.</summary>
        public Options With(Func<JobOptions, JobOptions> change) => options with { Jobs = [change(Assert.Single(options.Jobs))] };
    }

    public static ConfigurationError OneError(Dictionary<string, string?> environment)
    {
        var result = OptionsReader.Read(environment);
        Assert.Null(result.Options);
        return Assert.Single(result.Errors);
    }

    /// <summary>The names of the variables that belong with this one, and must be set or unset for it to be right.</summary>
    public static Dictionary<string, string?> Around(Variable variable, string value)
    {
        var environment = Pod((variable.Name, value));
        if (variable == Variables.ConvertClassicHistograms)
            environment[Variables.RemoteWriteProtocol.Name] = "2.0";
        foreach (var http in new[] { Variables.ScrapeHttp, Variables.RemoteWriteHttp })
        {
            if (variable == http.CertFile)
                environment[http.KeyFile.Name] = http.KeyFile.Example;
            if (variable == http.KeyFile)
                environment[http.CertFile.Name] = http.CertFile.Example;
            if (variable == http.Password || variable == http.PasswordFile)
                environment[http.Username.Name] = http.Username.Example;
        }
        return environment;
    }
}
