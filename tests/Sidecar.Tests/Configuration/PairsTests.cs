using System.Collections.Immutable;
using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class PairsTests
{
    private static string Show(ImmutableArray<KeyValuePair<string, string>> pairs) =>
        string.Join('|', pairs.Select(p => $"{p.Key}→{p.Value}"));

    [Theory]
    [InlineData("cluster=prod", "cluster→prod")]
    [InlineData("b=2,a=1", "a→1|b→2")]
    [InlineData(" a = 1 , b = 2 ", "a→1|b→2")]
    [InlineData("a=x=y", "a→x=y")]
    [InlineData("a=", "a→")]
    [InlineData("région=île", "région→île")]
    [InlineData("with space.and-dot=1", "with space.and-dot→1")]
    [InlineData("""{"cluster":"prod"}""", "cluster→prod")]
    [InlineData("""{ "b": "2", "a": "x,y=z" }""", "a→x,y=z|b→2")]
    [InlineData("""{"a":"\"\u00e9\n"}""", "a→\"é\n")]
    [InlineData("{}", "")]
    [InlineData("B=1,a=2,_=3,é=4", "B→1|_→3|a→2|é→4")]
    [InlineData("\uFFFD=1,\U0001F600=2", "\uFFFD→1|\U0001F600→2")]
    public void External_labels_come_sorted_by_bytes(string text, string expected)
    {
        var parsed = Labels.Parse(text);
        Assert.Null(parsed.Problem);
        Assert.Equal(expected, Show(parsed.Value));
    }

    [Theory]
    [InlineData("cluster")]
    [InlineData("a=1,")]
    [InlineData("a=1,,b=2")]
    [InlineData("=1")]
    [InlineData("a=1,a=2")]
    [InlineData("__name__=x")]
    [InlineData("__tmp=x")]
    [InlineData("{")]
    [InlineData("""{"a":1}""")]
    [InlineData("""{"a":null}""")]
    [InlineData("""{"a":{"b":"c"}}""")]
    [InlineData("""{"a":["b"]}""")]
    [InlineData("""{"a":"b"}x""")]
    [InlineData("""{"a":"b",}""")]
    [InlineData("""{'a':'b'}""")]
    [InlineData("""{"a":"b","a":"c"}""")]
    [InlineData("""{"":"b"}""")]
    [InlineData("""{"__a":"b"}""")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"\udc00":"a"}""")]
    public void Wrong_external_labels_are_refused(string text) => Assert.NotNull(Labels.Parse(text).Problem);

    [Theory]
    [InlineData("X-Scope-OrgID=a", "X-Scope-OrgID→a")]
    [InlineData("X-A=1, X-B=two words", "X-A→1|X-B→two words")]
    [InlineData("X-A=abc==", "X-A→abc==")]
    [InlineData("""{"X-A":"1,2"}""", "X-A→1,2")]
    public void Headers_keep_their_order(string text, string expected) => Assert.Equal(expected, Show(Headers.Parse(text).Value));

    [Theory]
    [InlineData("X-A", "not of the form")]
    [InlineData("X-A: 1", "not of the form")]
    [InlineData("X A=1", "not the name of a header")]
    [InlineData("X-É=1", "not the name of a header")]
    [InlineData("X-A=", "no value")]
    [InlineData("X-A=é", "cannot stand in a header")]
    [InlineData("""{"X-A":"a\r\nX-B: c"}""", "cannot stand in a header")]
    [InlineData("""{"X-A":" a"}""", "cannot stand in a header")]
    [InlineData("X-A=1,x-a=2", "has the name of an entry before it")]
    [InlineData("authorization=Bearer x", "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS_FILE")]
    [InlineData("content-type=a", "Content-Type is a header that the sidecar sets itself")]
    [InlineData("Content-Encoding=a", "sets itself")]
    [InlineData("Content-Length=1", "sets itself")]
    [InlineData("Transfer-Encoding=chunked", "sets itself")]
    [InlineData("Host=a", "sets itself")]
    [InlineData("User-Agent=a", "sets itself")]
    [InlineData("Connection=close", "sets itself")]
    [InlineData("Proxy-Authorization=a", "sets itself")]
    [InlineData("Accept-Encoding=gzip", "sets itself")]
    [InlineData("X-Prometheus-Remote-Write-Version=1", "sets itself")]
    [InlineData("Retry-Attempt=1", "sets itself")]
    public void Wrong_headers_are_refused(string text, string problem) => Assert.Contains(problem, Headers.Parse(text).Problem);
}
