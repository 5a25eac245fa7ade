using Sidecar.Configuration;
using Sidecar.Hosting;

namespace Sidecar.Tests.Configuration;

/// <summary>A value that authenticates never comes out again: not in errors, warnings or any way of printing the options.</summary>
public sealed class SecretsTests
{
    private const string Secret = "hunter2";

    public static TheoryData<string, string> Leaks => new()
    {
        { "SIDECAR_AUTHORIZATION_CREDENTIALS", Secret },
        { "SIDECAR_AUTHORIZATION_CREDENTIALS", $"{Secret}\nsecond line" },
        { "SIDECAR_AUTHORIZATION_CREDENTIALS", $"é{Secret}" },
        { "SIDECAR_BASIC_AUTH_PASSWORD", Secret },
        { "SIDECAR_BASIC_AUTH_PASSWORD", $"{Secret}\u0001" },
        { "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS", Secret },
        { "SIDECAR_REMOTE_WRITE_AUTHORIZATION_CREDENTIALS", $" {Secret}" },
        { "SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD", Secret },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:{Secret}@host:port/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:{Secret}/x@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:a@{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:1/{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://user:{Secret}#@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https:/user:{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"user:{Secret}@host" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"https://:{Secret}@host/" },
        { "SIDECAR_REMOTE_WRITE_URL", $"ftp://user:{Secret}@host/?x=http://" },
        { "SIDECAR_REMOTE_WRITE_PROXY_URL", $"http://user:{Secret}@proxy:3128" },
        { "SIDECAR_REMOTE_WRITE_PROXY_URL", $"http://{Secret}@proxy:3128" },
        { "SIDECAR_REMOTE_WRITE_PROXY_URL", $"socks5://user:{Secret}@proxy:1080" },
        { "SIDECAR_REMOTE_WRITE_PROXY_URL", $"user:{Secret}@proxy:3128" },
        { "SIDECAR_KUBERNETES_API_SERVER", $"https://user:{Secret}@host/" },
        { "SIDECAR_TARGETS", $"https://user:{Secret}@host/" },
        { "SIDECAR_TARGETS", $"https://user:{Secret}@host/,a:1" },
        { "SIDECAR_TARGETS", $"https://user:a,{Secret}@host/" },
        { "SIDECAR_TARGETS", $"a,https://user:{Secret}@a,https://user:{Secret}@b" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"X-Key={Secret}" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"X-Key: {Secret}" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"X-Key=a,{Secret}" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"X-Key=a,{Secret}=" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"X-Key={Secret},X-Key={Secret}" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $"Authorization=Bearer {Secret}" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $$"""{"X-Key":"{{Secret}}"}""" },
        { "SIDECAR_REMOTE_WRITE_HEADERS", $$"""{"X-Key":{{Secret}}}""" },
        { "SIDECAR_TLS_KEY_FILE", $"-----BEGIN PRIVATE KEY-----\n{Secret}" },
        { "SIDECAR_KUBERNETES_TOKEN_FILE", $"eyJhbGciOi.{Secret}.x" },
        { "SIDECAR_REMOTE_WRITE_PASSWORD", Secret },
        { "SIDECAR_BASIC_AUTH_PASSWORT", Secret },
    };

    [Theory]
    [MemberData(nameof(Leaks))]
    public void Secrets_never_come_out(string name, string value)
    {
        foreach (var environment in new[] { Given.Pod((name, value)), Given.Around(Of(name), value), Given.StaticTarget((name, value)) })
        {
            var result = OptionsReader.Read(environment);
            using var config = new StringWriter();
            EffectiveConfiguration.Write(config, result.Settings);
            var fields = string.Join(' ', EffectiveConfiguration.WhatWasSet(result.Settings).Select(f => $"{f.Key}={f.Value}"));
            string?[] outputs =
            [
                config.ToString(), fields, result.ToString(), result.Options?.ToString(), result.Options?.RemoteWrite.Url.ToString(),
                .. result.Errors.Select(e => e.ToString()), .. result.Warnings.Select(w => w.ToString()),
            ];
            Assert.All(outputs, output => Assert.DoesNotContain(Secret, output ?? ""));
        }
    }

    private static Variable Of(string name) => Variables.All.FirstOrDefault(v => v.Name == name) ?? Variables.JobName with { Name = name };

    [Theory]
    [InlineData("https://user:pass@host/w", "https://user:<redacted>@host/w")]
    [InlineData("https://host/w", "https://host/w")]
    [InlineData("https://host/a@b", "https://host/a@b")]
    [InlineData("https://token@host/", "https://<redacted>@host/")]
    public void A_URL_keeps_all_but_its_password(string url, string shown) =>
        Assert.Equal(shown, Redacted.Of(Variables.RemoteWriteUrl, url));

    [Fact]
    public void Headers_keep_their_names() =>
        Assert.Equal("X-A=<redacted>,X-B=<redacted>", Redacted.Of(Variables.RemoteWriteHeaders, "X-A=1,X-B=2"));
}
