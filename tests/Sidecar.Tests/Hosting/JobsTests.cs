using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Tests.Configuration;

namespace Sidecar.Tests.Hosting;

public sealed class JobsTests
{
    private const string Token = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    private const string Ca = "/var/run/secrets/kubernetes.io/serviceaccount/ca.crt";

    [Theory]
    [InlineData("apiserver", "default/kubernetes/https", "https", "/metrics", Token, Ca, false)]
    [InlineData("apiserver-slis", "default/kubernetes/https", "https", "/metrics/slis", Token, Ca, false)]
    [InlineData("kube-controller-manager", "127.0.0.1:10257", "https", "/metrics", Token, null, true)]
    [InlineData("kube-scheduler", "127.0.0.1:10259", "https", "/metrics", Token, null, true)]
    [InlineData("etcd", "127.0.0.1:2381", "http", "/metrics", null, null, false)]
    [InlineData("coredns", "kube-system/kube-dns/metrics", "http", "/metrics", null, Ca, false)]
    [InlineData("kubelet", "192.0.2.7:10250", "https", "/metrics", Token, null, true)]
    [InlineData("kubelet-cadvisor", "192.0.2.7:10250", "https", "/metrics/cadvisor", Token, null, true)]
    [InlineData("kubelet-resource", "192.0.2.7:10250", "https", "/metrics/resource", Token, null, true)]
    [InlineData("kubelet-probes", "192.0.2.7:10250", "https", "/metrics/probes", Token, null, true)]
    [InlineData("eks-kube-scheduler", "default/kubernetes/https", "https",
        "/apis/metrics.eks.amazonaws.com/v1/ksh/container/metrics", Token, Ca, false)]
    [InlineData("eks-kube-controller-manager", "default/kubernetes/https", "https",
        "/apis/metrics.eks.amazonaws.com/v1/kcm/container/metrics", Token, Ca, false)]
    [InlineData("mine", "default/kubernetes/https", "https", "/metrics", Token, Ca, false)]
    public void A_profile_fits_kubeadm(
        string name, string where, string scheme, string path, string? token, string? ca, bool skipsVerify)
    {
        var job = Assert.Single(Good(name, ("HOST_IP", "192.0.2.7")).Jobs);
        Assert.Equal(where, job.Targets.IsEmpty
            ? $"{job.Kubernetes.Namespace}/{job.Kubernetes.Service}/{job.Kubernetes.PortName}" : Assert.Single(job.Targets).Address);
        Assert.Equal((scheme, path), (job.Scrape.Scheme, job.Scrape.MetricsPath));
        Assert.Equal((token, ca, skipsVerify),
            (job.Scrape.Http.CredentialsFile, job.Scrape.Http.Tls.CaFile, job.Scrape.Http.Tls.InsecureSkipVerify));
        Assert.Equal(name, job.Scrape.Job);
        Assert.Equal(name.StartsWith("eks-", StringComparison.Ordinal) ? name["eks-".Length..] : name, job.Scrape.JobName);
        Assert.Empty(OptionsReader.Read(Environment(name, ("HOST_IP", "192.0.2.7"))).Warnings);
    }

    [Fact]
    public void A_job_s_own_variable_comes_before_its_profile_and_that_before_the_one_for_all()
    {
        var options = Good("kube-scheduler,mine",
            ("SIDECAR_METRICS_PATH", "/all"), ("SIDECAR_SCRAPE_INTERVAL", "30s"), ("SIDECAR_MINE__SCRAPE_INTERVAL", "1m"));
        Assert.Equal(["/metrics", "/all"], options.Jobs.Select(j => j.Scrape.MetricsPath));
        Assert.Equal([30, 60], options.Jobs.Select(j => (int)j.Scrape.Interval.TotalSeconds));
        options = Good("kube-scheduler", ("SIDECAR_KUBE_SCHEDULER__METRICS_PATH", "/own"), ("SIDECAR_METRICS_PATH", "/all"));
        Assert.Equal("/own", options.Jobs[0].Scrape.MetricsPath);
    }

    [Fact]
    public void Each_job_has_its_limits_rules_preset_and_labels()
    {
        var options = Good("apiserver,kubelet",
            ("HOST_IP", "fd00::1"), ("SIDECAR_APISERVER__PRESET", "apiserver-lean"), ("SIDECAR_KUBELET__SAMPLE_LIMIT", "5"),
            ("SIDECAR_KUBELET__JOB_NAME", "nodes"), ("SIDECAR_EXTERNAL_LABELS", "cluster=a"),
            ("SIDECAR_KUBELET__METRIC_RELABEL_CONFIGS", """[{"source_labels":["__name__"],"regex":"x","action":"drop"}]"""));
        Assert.Equal([0, 5], options.Jobs.Select(j => j.Scrape.SampleLimit));
        Assert.Equal(["apiserver", "nodes"], options.Jobs.Select(j => j.Scrape.JobName));
        Assert.Equal("[fd00::1]:10250", options.Jobs[1].Targets[0].Address);
        Assert.Single(options.Jobs[1].Scrape.SeriesRules!.Metric.All);
        Assert.True(options.Jobs[0].Scrape.SeriesRules!.Metric.All.Length > 1);
        Assert.All(options.Jobs, j => Assert.Equal("a", j.Scrape.ExternalLabels.Single().Value));
        Assert.Same(options.Jobs[1].Scrape.SeriesRules, options.RulesOf("kubelet"));
        Assert.Same(options.Jobs[0].Scrape.SeriesRules, options.RulesOf("no job any more"));
    }

    [Fact]
    public void Who_says_how_to_discover_a_component_wants_no_address_of_the_profile()
    {
        var job = Good("kube-scheduler", ("SIDECAR_KUBE_SCHEDULER__KUBERNETES_SERVICE", "scheduler")).Jobs[0];
        Assert.Empty(job.Targets);
        Assert.Equal(("kube-system", "scheduler", "https-metrics"),
            (job.Kubernetes.Namespace, job.Kubernetes.Service, job.Kubernetes.PortName));
        job = Good("coredns", ("SIDECAR_TARGETS", "10.0.0.1:1")).Jobs[0];
        Assert.Empty(job.Targets);
        job = Good("apiserver-slis", ("SIDECAR_TARGETS", "10.0.0.1:1")).Jobs[0];
        Assert.Equal("10.0.0.1:1", Assert.Single(job.Targets).Address);
    }

    [Fact]
    public void Who_says_what_to_trust_wants_certificates_checked()
    {
        var tls = Good("kube-scheduler", ("SIDECAR_KUBE_SCHEDULER__TLS_CA_FILE", "/ca")).Jobs[0].Scrape.Http.Tls;
        Assert.Equal(("/ca", false), (tls.CaFile, tls.InsecureSkipVerify));
        tls = Good("kube-scheduler", ("SIDECAR_KUBE_SCHEDULER__TLS_INSECURE_SKIP_VERIFY", "false")).Jobs[0].Scrape.Http.Tls;
        Assert.Equal((Ca, false), (tls.CaFile, tls.InsecureSkipVerify));
    }

    /// <summary>What decides whether credentials go out over http: who set them.</summary>
    [Theory]
    [InlineData("etcd", "", null, false)]
    [InlineData("etcd", "SIDECAR_ETCD__SCHEME=https", null, false)]
    [InlineData("etcd", "SIDECAR_AUTHORIZATION_CREDENTIALS_FILE=/t", "/t", true)]
    [InlineData("etcd", "SIDECAR_ETCD__AUTHORIZATION_CREDENTIALS_FILE=/t", "/t", false)]
    [InlineData("mine", "SIDECAR_SCHEME=http", null, false)]
    [InlineData("mine", "", Token, true)]
    [InlineData("mine", "SIDECAR_MINE__TARGETS=10.0.0.1:1", null, false)]
    [InlineData("kube-scheduler", "", Token, true)]
    [InlineData("kube-scheduler", "SIDECAR_KUBE_SCHEDULER__TARGETS=10.0.0.1:1", null, false)]
    public void The_token_goes_where_discovery_or_a_profile_says(string name, string variable, string? file, bool isForTlsOnly)
    {
        var http = Good(name, variable.Length == 0 ? [] : [(variable.Split('=')[0], variable.Split('=')[1])]).Jobs[0].Scrape.Http;
        Assert.Equal((file, isForTlsOnly), (http.CredentialsFile, http.IsForTlsOnly));
    }

    [Fact]
    public void The_only_job_s_credentials_are_set_by_hand_for_it() => Assert.False(Given.Good(Given.StaticTarget(
        ("SIDECAR_SCHEME", "http"), ("SIDECAR_AUTHORIZATION_CREDENTIALS", "t"))).Scrape.Http.IsForTlsOnly);

    [Fact]
    public void One_way_to_authenticate_of_a_job_takes_the_place_of_another_of_all()
    {
        var http = Good("mine", ("SIDECAR_BASIC_AUTH_USERNAME", "u"), ("SIDECAR_BASIC_AUTH_PASSWORD", "p"),
            ("SIDECAR_MINE__AUTHORIZATION_CREDENTIALS_FILE", "/t")).Jobs[0].Scrape.Http;
        Assert.Equal(("/t", null), (http.CredentialsFile, http.BasicAuthUsername));
    }

    [Theory]
    [InlineData("a", "SIDECAR_JOBS", "a,a", "it names a twice")]
    [InlineData("a", "SIDECAR_JOBS", "kube-x,kube_x", "would have the same names")]
    [InlineData("a", "SIDECAR_JOBS", "a,", "entry 2 is no name")]
    [InlineData("a", "SIDECAR_JOBS", "a b", "entry 1 is no name")]
    [InlineData("a", "SIDECAR_JOBS", "a--b", "entry 1 is no name")]
    [InlineData("a", "SIDECAR_A__SCHEME", "HTTPS", "none of http, https")]
    [InlineData("a,kube-scheduler", "SIDECAR_KUBE_SCHEDULER__SCHEMA", "http", "did you mean SIDECAR_KUBE_SCHEDULER__SCHEME, like")]
    [InlineData("a,kube-scheduler", "SIDECAR_KUBE_SCHEDULER_SCHEME", "http", "did you mean SIDECAR_KUBE_SCHEDULER__SCHEME?")]
    [InlineData("a,kube-scheduler", "SIDECAR_KUBE_SHEDULER__SCHEME", "http", "did you mean SIDECAR_KUBE_SCHEDULER__SCHEME?")]
    [InlineData("a", "SIDECAR_B_B_B_B_B__SCHEME", "http", "SIDECAR_JOBS names no job that is written B_B_B_B_B; add the job to SIDECAR_JOBS")]
    [InlineData("a", "SIDECAR_A__LOG_LEVEL", "info", "the job a has none of its own: it holds for the whole process")]
    [InlineData("a", "SIDECAR_A__JOBS", "b", "the job a has none of its own")]
    [InlineData("a", "SIDECAR_A__SCRAPE_TIMEOUT", "16s", "longer than the scrape interval of 15s; write it like 15s, or raise SIDECAR_A__SCRAPE_")]
    [InlineData("a", "SIDECAR_SCRAPE_TIMEOUT", "16s", "for the job a, longer than the scrape interval of 15s")]
    [InlineData("a", "SIDECAR_A__TLS_CERT_FILE", "/c", "a certificate without its key; set SIDECAR_A__TLS_KEY_FILE like")]
    [InlineData("kubelet", "HOST_IP", "", "its node is the one of HOST_IP, which is not set", "SIDECAR_KUBELET__TARGETS")]
    public void An_error_names_the_job_and_the_variable_as_written(
        string jobs, string name, string value, string words, string? shown = null)
    {
        var error = Given.OneError(Environment(jobs, (name, value)));
        Assert.Equal(shown ?? name, error.Name);
        Assert.Contains(words, error.ToString());
    }

    [Fact]
    public void What_is_wrong_for_all_jobs_is_told_once() =>
        Assert.Equal("SIDECAR_SCHEME", Given.OneError(Environment("a,b,mine", ("SIDECAR_SCHEME", "gopher"))).Name);

    [Fact]
    public void A_job_s_variable_without_jobs_is_an_error_that_says_so() => Assert.Contains("add the job to SIDECAR_JOBS, which is not set",
        Given.OneError(Given.Pod(("SIDECAR_ETCD__SCHEME", "http"))).ToString());

    [Theory]
    [InlineData("kube-schedular", "", "no profile is called kube-schedular, and nothing is set for that job; did you mean kube-scheduler?")]
    [InlineData("apiserver", "SIDECAR_JOB_NAME=x", "has no effect beside SIDECAR_JOBS")]
    [InlineData("a,b", "SIDECAR_B__JOB_NAME=a", "the label job is a for a and b")]
    [InlineData("etcd", "SIDECAR_ETCD__TARGETS=10.0.0.1:1", null)]
    [InlineData("mine", "SIDECAR_MINE__TARGETS=http://10.0.0.1:1", null)]
    [InlineData("etcd", "SIDECAR_BASIC_AUTH_USERNAME=u,SIDECAR_ETCD__TARGETS=10.0.0.1:1",
        "does not go over plain http to the targets of etcd; where it shall, set SIDECAR_ETCD__BASIC_AUTH_USERNAME")]
    public void What_works_and_is_odd_is_told(string jobs, string variables, string? words)
    {
        var warnings = OptionsReader.Read(Environment(jobs, [.. variables.Split(',', StringSplitOptions.RemoveEmptyEntries)
            .Select(v => (v.Split('=')[0], (string?)v.Split('=')[1]))])).Warnings;
        if (words is null)
            Assert.Empty(warnings);
        else
            Assert.Contains(words, Assert.Single(warnings).ToString());
    }

    [Fact]
    public void The_configuration_in_effect_says_what_each_job_has_and_from_where()
    {
        var result = OptionsReader.Read(Environment("kube-scheduler,mine",
            ("SIDECAR_MINE__SCRAPE_INTERVAL", "1m"), ("SIDECAR_MINE__BASIC_AUTH_USERNAME", "u"),
            ("SIDECAR_MINE__BASIC_AUTH_PASSWORD", "hunter2")));
        using var text = new StringWriter();
        EffectiveConfiguration.Write(text, result.Settings);
        var lines = text.ToString().Split(System.Environment.NewLine);
        Assert.Contains("SIDECAR_JOBS=kube-scheduler,mine  # environment", lines);
        Assert.Contains("SIDECAR_SCRAPE_INTERVAL=15s  # default", lines);
        Assert.Contains("SIDECAR_MINE__SCRAPE_INTERVAL=1m  # environment", lines);
        Assert.Contains("SIDECAR_MINE__BASIC_AUTH_PASSWORD=<redacted>  # environment", lines);
        Assert.Contains("SIDECAR_KUBE_SCHEDULER__TARGETS=127.0.0.1:10259  # profile kube-scheduler", lines);
        Assert.Contains($"SIDECAR_KUBE_SCHEDULER__AUTHORIZATION_CREDENTIALS_FILE={Token}  # default", lines);
        Assert.DoesNotContain("hunter2", text.ToString());
    }

    private static Dictionary<string, string?> Environment(string jobs, params (string Name, string? Value)[] variables) =>
        Given.Pod([("SIDECAR_JOBS", jobs), .. variables]);

    private static Options Good(string jobs, params (string Name, string? Value)[] variables) => Given.Good(Environment(jobs, variables));
}
