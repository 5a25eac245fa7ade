using System.Security.Authentication;
using System.Security.Cryptography;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

/// <summary>OpenSSL's numbers, as they were seen from its own server and from .NET's.</summary>
public sealed class TlsFailuresTests
{
    [Theory]
    [InlineData(0x0A000410, "wants a client certificate, or no cipher is common")]
    [InlineData(0x0A00045C, "wants a client certificate, and none is set")]
    [InlineData(0x0A000412, "refuses our client certificate, or wants one (bad certificate)")]
    [InlineData(0x0A000415, "(expired)")]
    [InlineData(0x0A000418, "(unknown authority)")]
    [InlineData(0x0A00042E, "no TLS version in common")]
    [InlineData(0x0A000102, "no TLS version in common")]
    [InlineData(0x0A00010B, "does not speak TLS")]
    [InlineData(0x0A0000C6, "does not speak TLS")]
    [InlineData(0x0A000458, "does not know the server name")]
    [InlineData(0x0A000001, "OpenSSL's reason 1")]
    public void The_number_of_OpenSSL_is_put_into_words(int number, string words)
    {
        var exception = new IOException("", new AuthenticationException("", new CryptographicException(number)));
        var failure = TlsFailures.From(exception, "peer:443");
        Assert.Equal(FailureReason.TlsHandshake, failure.Reason);
        Assert.Contains("peer:443", failure.Message);
        Assert.Contains(words, failure.Message);
    }

    [Fact]
    public void Other_exceptions_are_not_TLS()
    {
        Assert.True(TlsFailures.From(new IOException("", new CryptographicException(0x07000001)), "peer:443").IsNone);
        Assert.True(TlsFailures.From(new HttpRequestException(HttpRequestError.ConnectionError), "peer:443").IsNone);
    }
}
