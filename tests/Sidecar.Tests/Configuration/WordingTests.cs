using Sidecar.Tests.Commands;

namespace Sidecar.Tests.Configuration;

/// <summary>What is said of a slip names the variable, shows the value, and says what to type instead.</summary>
public sealed class WordingTests
{
    [Theory]
    [InlineData("SIDECAR_KUBERNETES_WATCH", "yes", "neither true nor false; write true or false; did you mean true?")]
    [InlineData("SIDECAR_KUBERNETES_WATCH", "False", "neither true nor false; write true or false; did you mean false?")]
    [InlineData("SIDECAR_HONOR_LABELS", "maybe", "neither true nor false; write true or false")]
    [InlineData("SIDECAR_TARGETS", "a:6443 b:6443",
        "entries are separated by commas, and there are blanks in one; write it like 10.0.0.1:6443,")]
    [InlineData("SIDECAR_TARGETS", "a:6443, b:6443 c:1", "entries are separated by commas")]
    [InlineData("SIDECAR_PRESET", "lean", "unknown; there is apiserver-lean")]
    [InlineData("SIDECAR_SCHEME", "HTTPS", "none of http, https; did you mean https?")]
    [InlineData("SIDECAR_LOG_LEVEL", "warning", "none of debug, info, warn, error; did you mean warn?")]
    [InlineData("SIDECAR_LOG_LEVEL", "verbose", "none of debug, info, warn, error; write it like")]
    [InlineData("SIDECAR_KUBERNETES_ROLE", "endpointslices", "did you mean endpointslice?")]
    [InlineData("SIDECAR_REMOTE_WRITE_HEADERS", "Authorization=Bearer x",
        "Authorization has variables of its own, such as SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE; use SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE")]
    [InlineData("SIDECAR_REMOTE_WRITE_HEADERS", "Content-Type=x", "Content-Type is a header that the sidecar sets itself; leave it out")]
    [InlineData("SIDECAR_REMOTE_WRITE_AUTHORIZATION_TYPE", "basic", "Basic has variables of its own; use …_BASIC_AUTH_USERNAME")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL", "receiver:9090/api/v1/write", "not a URL that begins with http:// or https://; write http://")]
    [InlineData("SIDECAR_REMOTE_WRITE_URL", "ftp://receiver/", "not a URL that begins with http:// or https://; write it like http://")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "15", "it wants a unit: did you mean 15s?")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL", "15 s", "no spaces, no fractions); write it like")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "16777216", "it wants a unit: did you mean 16MiB?")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "16M", "not a size (")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "16M", "did you mean 16MB?")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "8Mb", "did you mean 8MB?")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "1gib", "did you mean 1GiB?")]
    [InlineData("SIDECAR_QUEUE_SIZE_LIMIT", "1 GiB", "write it like")]
    [InlineData("SIDECAR_TLS_CA_FILE", "-----BEGIN CERTIFICATE-----", "where the path of the file is wanted; write it into a file")]
    [InlineData("SIDECAR_METRIC_RELABEL_CONFIGS", """[{"action":"drop","regx":"a"}]""",
        """rule 1 has the unknown key "regx", in {"action":"drop","regx":"a"}; did you mean "regex"?""")]
    [InlineData("SIDECAR_METRIC_RELABEL_CONFIGS", """[{"action":"drop"},{"regex":"a\d+"}]""",
        """in rule 2): …on":"drop"},{"regex":"a\ <-- here d+"}]; a backslash of a regular expression is two in JSON""")]
    [InlineData("SIDECAR_METRIC_RELABEL_CONFIGS", "- action: drop\n  regx: a",
        """rule 1 has the unknown key "regx", in {"action":"drop","regx":"a"}; did you mean "regex"?""")]
    [InlineData("SIDECAR_METRIC_RELABEL_CONFIGS", "- action: drop\n  regex: \"a\\d\"",
        """line 2 has \d in double quotes, which is no escape of YAML: put the value in single quotes: regex: "a\d"; it takes a list""")]
    public void A_wrong_value_says_what_to_write(string variable, string value, string words)
    {
        var error = Given.OneError(Given.Pod((variable, value))).ToString();
        Assert.StartsWith(variable, error);
        Assert.Contains(words, error);
    }

    [Theory]
    [InlineData("there is no option '--foo'; 'sidecar help scrape'", "scrape", "--foo")]
    [InlineData("there is no option 'x'; 'sidecar help config'", "config", "x")]
    [InlineData("unknown command 'chek'; did you mean 'check'?", "chek")]
    [InlineData("unknown command 'frobnicate'; 'sidecar help' lists", "frobnicate", "--foo")]
    [InlineData("'--output' knows json and text, and not 'yaml'", "check", "--output", "yaml")]
    [InlineData("'--wait' takes a duration like 30s or 5m, and not '5'", "check", "--wait=5")]
    [InlineData("there is no option '--sned'; 'sidecar help check'", "check", "--sned")]
    [InlineData("'many' is no number of metrics", "top", "many")]
    [InlineData("'scrap' is no command and no variable; did you mean scrape?", "help", "scrap")]
    [InlineData("did you mean SIDECAR_SCRAPE_INTERVAL?", "help", "SIDECAR_SCRAPE_INTERVALL")]
    [InlineData("'xyzzy-plugh' is no command and no variable; 'sidecar help' lists them", "help", "xyzzy-plugh")]
    public async Task A_wrong_command_says_what_to_type(string words, params string[] arguments)
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(2, await run.RunAsync(arguments));
        Assert.Contains(words, run.Errors);
        Assert.Single(run.Errors.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("SIDECAR_SCRAPE_INTERVAL: ", "  example  SIDECAR_SCRAPE_INTERVAL=", "help", "SIDECAR_SCRAPE_INTERVAL")]
    [InlineData("SIDECAR_SCRAPE_INTERVAL: ", "  default  15s", "help", "scrape-interval")]
    [InlineData("SIDECAR_AUTHORIZATION_CREDENTIALS: ", "never shown", "help", "authorization_credentials")]
    [InlineData("sidecar check: ", "--wait DURATION   looks again until all is well", "help", "check")]
    [InlineData("sidecar check: ", "--send ", "check", "--help")]
    [InlineData("sidecar top [N]: ", "1 to 1000", "top", "-h")]
    public async Task Help_tells_of_one_thing(string begins, string contains, params string[] arguments)
    {
        await using var run = await CommandRun.CreateAsync();
        Assert.Equal(0, await run.RunAsync(arguments));
        Assert.StartsWith(begins, run.Output);
        Assert.Contains(contains, run.Output);
        Assert.All(run.Lines, line => Assert.InRange(line.Length, 1, 140));
    }
}
