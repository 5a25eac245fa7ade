using Cluster;
using Sidecar.Commands;
using Sidecar.Tests.Configuration;
using Sidecar.Tests.Deploy;
using Sidecar.Tests.Http;
using YamlDotNet.RepresentationModel;

namespace Sidecar.Tests.Commands;

public sealed class PrometheusConfigTests
{
    /// <summary>Environments behind a static target; FILE is a file that is there, as promtool wants.</summary>
    public static TheoryData<string> Environments =>
    [
        "",
        "SIDECAR_TARGETS=10.0.0.1:6443,https://a.example/m,http://b.example:81/m?x=1&x=2&y=%20z,c:1|SIDECAR_PARAMS=format=text&empty",
        "SIDECAR_SCRAPE_INTERVAL=1m30s|SIDECAR_SCRAPE_TIMEOUT=500ms|SIDECAR_SCHEME=http|SIDECAR_METRICS_PATH=/a%20b|SIDECAR_JOB_NAME=a \"job\": # with signs",
        "SIDECAR_HONOR_LABELS=true|SIDECAR_HONOR_TIMESTAMPS=false|SIDECAR_SAMPLE_LIMIT=7|SIDECAR_LABEL_LIMIT=8|SIDECAR_LABEL_NAME_LENGTH_LIMIT=9|SIDECAR_LABEL_VALUE_LENGTH_LIMIT=10",
        "SIDECAR_BUCKET_LABELS=as_scraped", "SIDECAR_BODY_SIZE_LIMIT=64MB", "SIDECAR_BODY_SIZE_LIMIT=0", "SIDECAR_BODY_SIZE_LIMIT=1000B",
        "SIDECAR_BODY_SIZE_LIMIT=3KiB",
        "SIDECAR_EXTERNAL_LABELS={\"cluster\":\"a\\\"b\\\\c\\n\",\"on\":\"yes\",\"n\":\"1.5\",\"m\":\"$HOME\"}",
        "SIDECAR_AUTHORIZATION_CREDENTIALS=hush-hush|SIDECAR_AUTHORIZATION_TYPE=Token|SIDECAR_REMOTE_WRITE_BASIC_AUTH_USERNAME=u|SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD=hush-hush",
        "SIDECAR_AUTHORIZATION_CREDENTIALS_FILE=FILE|SIDECAR_REMOTE_WRITE_BASIC_AUTH_USERNAME=u|SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD_FILE=FILE",
        "SIDECAR_BASIC_AUTH_USERNAME=u|SIDECAR_BASIC_AUTH_PASSWORD=hush-hush|SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS=hush-hush",
        "SIDECAR_TLS_CA_FILE=FILE|SIDECAR_TLS_SERVER_NAME=a.example|SIDECAR_TLS_MIN_VERSION=TLS13|SIDECAR_REMOTE_WRITE_TLS_INSECURE_SKIP_VERIFY=true",
        "SIDECAR_REMOTE_WRITE_URL=https://u:hush-hush@r.example/w?tenant=1|SIDECAR_REMOTE_WRITE_HEADERS=X-Scope-OrgID=hush-hush,X-Other=hush-hush",
        "SIDECAR_REMOTE_WRITE_TIMEOUT=1m|SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND=500|SIDECAR_REMOTE_WRITE_CONCURRENCY=8|SIDECAR_REMOTE_WRITE_MIN_BACKOFF=1s|SIDECAR_REMOTE_WRITE_MAX_BACKOFF=1m",
        "SIDECAR_PRESET=apiserver-lean",
        """
        SIDECAR_RELABEL_CONFIGS=[{"source_labels":["__address__"],"regex":"(.*):\\d+","target_label":"node","replacement":"$1"},{"action":"hashmod","source_labels":["__address__"],"modulus":8,"target_label":"__tmp"},{"action":"keepequal","source_labels":["a"],"target_label":"b"}]
        """,
        """
        SIDECAR_PRESET=apiserver-lean|SIDECAR_METRIC_RELABEL_CONFIGS=[{"regex":"é\u00e9\ud83d\ude00\t\"x\"","action":"labeldrop"},{"source_labels":[],"target_label":"a","replacement":"true"},{"source_labels":["a","b_c"],"separator":"\n","regex":null,"target_label":"y","action":"Uppercase"},{"regex":"a(.*)","replacement":"b$1","action":"labelmap"}]|SIDECAR_WRITE_RELABEL_CONFIGS=[{"regex":"pod|node","action":"labeldrop"}]
        """.Trim(),
        "SIDECAR_METRIC_RELABEL_CONFIGS=[]",
        "SIDECAR_SHARDS=3|SIDECAR_SHARD=2|SIDECAR_TARGET_LIMIT=10",
    ];

    [Theory]
    [MemberData(nameof(Environments))]
    public async Task Promtool_accepts_it_and_it_holds_no_secret(string variables)
    {
        using var folder = new Folder();
        var environment = Given.StaticTarget([.. Parse(variables, folder.Write("file", PemOfSomebody()))]);
        var text = Write(environment);
        Assert.DoesNotContain("hush-hush", text);
        await Promtool.PassesAsync("check", "config", "--agent", folder.Write("prometheus.yml", text));
    }

    /// <summary>
    /// Debian's promtool has no Kubernetes discovery, so the rest is checked without that block, and the block by what the documentation
    /// has.
    /// </summary>
    [Theory]
    [InlineData("", "role: endpointslice", "names: [default]", "label: kubernetes.io/service-name=kubernetes", "regex: kubernetes;https")]
    [InlineData("SIDECAR_KUBERNETES_ROLE=endpoints", "role: endpoints", "names: [default]", "field: metadata.name=kubernetes",
        "regex: kubernetes;https")]
    [InlineData("SIDECAR_KUBERNETES_NAMESPACE=kube-system|SIDECAR_KUBERNETES_SERVICE=kube-dns|SIDECAR_KUBERNETES_PORT_NAME=metrics",
        "role: endpointslice",
        "names: [kube-system]", "label: kubernetes.io/service-name=kube-dns", "regex: kube-dns;metrics")]
    [InlineData("SIDECAR_KUBERNETES_LABEL_SELECTOR=app=web,tier!=cache",
        "label: kubernetes.io/service-name=kubernetes,app=web,tier!=cache")]
    [InlineData("SIDECAR_KUBERNETES_NAMESPACE=*|SIDECAR_KUBERNETES_SERVICE=*|SIDECAR_SHARDS=2", "source_labels: [__address__]",
        "modulus: 2", "regex: 0", "source_labels: [__meta_kubernetes_endpointslice_port_name]", "regex: https")]
    [InlineData("SIDECAR_KUBERNETES_PORT_NAME=*", "source_labels: [__meta_kubernetes_service_name]", "regex: kubernetes")]
    [InlineData("SIDECAR_KUBERNETES_API_SERVER=https://10.0.0.1:6443|SIDECAR_KUBERNETES_TOKEN_FILE=FILE|SIDECAR_KUBERNETES_CA_FILE=FILE",
        "api_server: https://10.0.0.1:6443", "credentials_file: FILE", "ca_file: FILE")]
    [InlineData("SIDECAR_KUBERNETES_TLS_INSECURE_SKIP_VERIFY=true", "api_server: https://10.96.0.1", "insecure_skip_verify: true")]
    [InlineData("SIDECAR_RELABEL_CONFIGS=[{\"source_labels\":[\"__meta_kubernetes_endpoint_port_name\"],\"regex\":\"https\",\"action\":\"keep\"}]",
        "role: endpoints", "__meta_kubernetes_endpoint_port_name")]
    public async Task Kubernetes_discovery_is_that_of_the_sidecar(string variables, params string[] expected)
    {
        using var folder = new Folder();
        var file = folder.Write("file", PemOfSomebody());
        var environment = Given.Pod([
            ("SIDECAR_AUTHORIZATION_CREDENTIALS_FILE", file), ("SIDECAR_TLS_CA_FILE", file), .. Parse(variables, file)]);
        var text = Write(environment);
        var plain = text.Replace("\"", "").Replace(file, "FILE");
        Assert.All(expected, e => Assert.Contains(e, plain));
        var document = Load(text);
        var job = (YamlMappingNode)document["scrape_configs"][0];
        var discovery = (YamlMappingNode)Assert.Single((YamlSequenceNode)job["kubernetes_sd_configs"]);
        string[] known = ["role", "api_server", "authorization", "tls_config", "namespaces", "selectors"];
        Assert.All(discovery.Children.Keys, key => Assert.Contains(key.ToString(), known));
        Assert.Equal(discovery.Children.ContainsKey("api_server"), discovery.Children.ContainsKey("tls_config"));
        job.Children.Remove("kubernetes_sd_configs");
        using var rest = new StringWriter();
        new YamlStream(new YamlDocument(document)).Save(rest, assignAnchors: false);
        await Promtool.PassesAsync("check", "config", "--agent", folder.Write("prometheus.yml", rest.ToString()));
    }

    [Fact]
    public void What_newer_ones_have_only_is_there_with_their_version()
    {
        var text = Write(Given.StaticTarget(("SIDECAR_TRACK_TIMESTAMPS_STALENESS", "true"),
            ("SIDECAR_SCRAPE_PROTOCOLS", "PrometheusProto, PrometheusText0.0.4"), ("SIDECAR_QUEUE_AGE_LIMIT", "2h"),
            ("SIDECAR_REMOTE_WRITE_PROTOCOL", "2.0")));
        var job = Load(text)["scrape_configs"][0];
        Assert.Equal("true", job["track_timestamps_staleness"].ToString());
        Assert.Equal("[ PrometheusProto, PrometheusText0.0.4 ]", job["scrape_protocols"].ToString());
        Assert.Equal("2h", Load(text)["remote_write"][0]["queue_config"]["sample_age_limit"].ToString());
        Assert.Equal("io.prometheus.write.v2.Request", Load(text)["remote_write"][0]["protobuf_message"].ToString());
        Assert.Equal(4, text.Split("# From Prometheus 2.").Length - 1);
    }

    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("/a/b.c-d_e", "/a/b.c-d_e")]
    [InlineData("", "\"\"")]
    [InlineData("no", "\"no\"")]
    [InlineData("True", "\"True\"")]
    [InlineData("1.5", "\"1.5\"")]
    [InlineData("a: b", "\"a: b\"")]
    [InlineData("\"\\\n\t\u0007\u2028é", "\"\\\"\\\\\\n\\t\\u0007\\u2028é\"")]
    public void Text_is_read_as_it_was(string text, string yaml)
    {
        Assert.Equal(yaml, YamlText.Quote(text));
        Assert.Equal(text, ((YamlScalarNode)Load($"a: {yaml}")["a"]).Value);
    }

    private static string Write(Dictionary<string, string?> environment)
    {
        using var text = new StringWriter { NewLine = "\n" };
        new PrometheusConfig(Given.Good(environment), environment).Write(text);
        return text.ToString();
    }

    private static YamlMappingNode Load(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return (YamlMappingNode)stream.Documents[0].RootNode;
    }

    private static IEnumerable<(string, string?)> Parse(string variables, string file) =>
        variables.Replace("FILE=FILE", $"FILE={file}").Split("|SIDECAR_", StringSplitOptions.RemoveEmptyEntries)
            .Select(v => v.Trim().StartsWith("SIDECAR_") ? v.Trim() : $"SIDECAR_{v.Trim()}")
            .Select(v => (v[..v.IndexOf('=')], (string?)v[(v.IndexOf('=') + 1)..]));

    private static string PemOfSomebody()
    {
        using var authority = new CertificateAuthority();
        return authority.Pem;
    }
}
