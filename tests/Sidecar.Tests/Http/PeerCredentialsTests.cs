using System.Text;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

public sealed class PeerCredentialsTests : IDisposable
{
    private readonly Folder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void The_header_follows_the_options()
    {
        var secret = folder.Write("secret", " pass:word \n");
        Assert.Null(Header(new()));
        Assert.Equal("Bearer t", Header(new() { Credentials = "t" }));
        Assert.Equal("Token pass:word", Header(new() { AuthorizationType = "Token", CredentialsFile = secret }));
        Assert.Equal(Basic("me:pass"), Header(new() { BasicAuthUsername = "me", BasicAuthPassword = "pass" }));
        Assert.Equal(Basic("me:pass:word"), Header(new() { BasicAuthUsername = "me", BasicAuthPasswordFile = secret }));
        Assert.Equal(Basic("mé:"), Header(new() { BasicAuthUsername = "mé" }));
        Assert.Equal(Basic(":p"), Header(new() { BasicAuthPassword = "p" }));
    }

    [Fact]
    public void A_password_may_be_any_text_but_a_token_is_ASCII()
    {
        var file = folder.Write("secret", "pässword");
        Assert.Equal(Basic("me:pässword"), Header(new() { BasicAuthUsername = "me", BasicAuthPasswordFile = file }));
        Assert.Contains("ASCII", Refusal(file));
    }

    [Theory]
    [InlineData("", "is empty")]
    [InlineData(" \r\n\t", "is empty")]
    [InlineData("one\ntwo", "control characters or several lines")]
    [InlineData("one\r\nX-Injected: two", "control characters or several lines")]
    [InlineData("one\0", "control characters")]
    [InlineData("one\u007ftwo", "control characters")]
    public void A_file_that_no_header_can_hold_is_refused(string content, string words)
    {
        var refusal = Refusal(folder.Write("token", content));
        Assert.Contains(words, refusal);
        Assert.Contains(folder.At("token"), refusal);
        Assert.DoesNotContain("Injected", refusal);
    }

    [Fact]
    public void A_file_is_at_most_64_KiB()
    {
        Assert.Equal(new string('t', 65536),
            Header(new() { CredentialsFile = folder.Write("token", new string('t', 65536)) })!["Bearer ".Length..]);
        Assert.Contains("larger than 64 KiB", Refusal(folder.Write("token", new string('t', 65537))));
    }

    [Fact]
    public void A_file_that_is_not_there_or_is_a_folder_is_named()
    {
        Assert.Contains("does not exist", Refusal(folder.At("none")));
        Directory.CreateDirectory(folder.At("dir"));
        Assert.Contains("is a folder", Refusal(folder.At("dir")));
    }

    [Fact]
    public void Each_header_holds_what_the_file_holds_then()
    {
        var credentials = new PeerCredentials(new() { CredentialsFile = folder.Write("token", "one") });
        Assert.Equal("Bearer one", credentials.Header());
        folder.Write("token", "two\n");
        Assert.Equal("Bearer two", credentials.Header());
    }

    [Theory]
    [InlineData(null, "does not exist")]
    [InlineData("", "is empty")]
    [InlineData("half\nwritten", "several lines")]
    public async Task The_last_good_content_is_used_while_the_file_is_bad(string? content, string words)
    {
        await using var server = new RawServer(_ => RawServer.Ok(""));
        var file = folder.Write("token", "good");
        using var asking = new Asking(new() { CredentialsFile = file });
        await asking.GetAsync(server.Url);
        if (content is null)
            File.Delete(file);
        else
            folder.Write("token", content);
        await asking.GetAsync(server.Url);
        Assert.Equal(["Bearer good", "Bearer good"], server.Requests.Select(r => r.Header("Authorization")));
        Assert.Contains(words, asking.Log);
        Assert.Contains(words, Refusal(file));
    }

    [Theory]
    [InlineData("answers 500: Bearer 123456789", "answers 500: Bearer <redacted>")]
    [InlineData("twice 123456789123456789", "twice <redacted><redacted>")]
    [InlineData("cut in the middle of 1234…", "cut in the middle of <redacted>…")]
    [InlineData("cut in the middle of 12345678…", "cut in the middle of <redacted>…")]
    [InlineData("too little of it to tell: 123…", "too little of it to tell: 123…")]
    [InlineData("the end of it is not looked for: 56789", "the end of it is not looked for: 56789")]
    [InlineData("nothing…", "nothing…")]
    [InlineData("", "")]
    public void What_a_peer_says_is_shown_without_the_secret(string words, string shown)
    {
        Assert.Equal(shown, new PeerCredentials(new() { Credentials = "123456789" }).Redact(words));
        Assert.Equal(shown, new PeerCredentials(new() { BasicAuthUsername = "me", BasicAuthPassword = "123456789" }).Redact(words));
        var fromFile = new PeerCredentials(new() { CredentialsFile = folder.Write("token", "123456789\n") });
        fromFile.Header();
        Assert.Equal(shown, fromFile.Redact(words));
        Assert.Equal(words, new PeerCredentials(new()).Redact(words));
    }

    private static string? Header(HttpOptions options) => new PeerCredentials(options).Header();

    private static string Refusal(string file)
    {
        var failure = Assert.Throws<PeerException>(() => Header(new() { CredentialsFile = file })).Failure;
        Assert.Equal(FailureReason.Credentials, failure.Reason);
        return failure.Message;
    }

    private static string Basic(string text) => "Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes(text));
}
