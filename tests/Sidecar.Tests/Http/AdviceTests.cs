using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;

namespace Sidecar.Tests.Http;

public sealed class AdviceTests
{
    public static TheoryData<string> Reasons =>
        [.. Enum.GetValues<FailureReason>().Where(r => r != FailureReason.None).Select(r => r.ToString())];

    /// <summary>Whoever adds a reason has something to say of it, to each kind of peer.</summary>
    [Theory]
    [MemberData(nameof(Reasons))]
    public void Every_reason_has_a_remedy_that_names_variables_that_exist(string reason)
    {
        var failure = new Failure(Enum.Parse<FailureReason>(reason), "words");
        foreach (var peer in new[] { CheckPeer.ApiServer, CheckPeer.StaticTarget, CheckPeer.FoundTarget, CheckPeer.Receiver })
        {
            var advice = Advice.For(peer, failure);
            Assert.NotEmpty(advice.Remedy);
            var names = $"{advice.Cause} {advice.Remedy}".Split([' ', ',', '(', ')', ';', '='])
                .Where(w => w.StartsWith("SIDECAR_") && !w.EndsWith('…'));
            Assert.All(names, name => Assert.Contains(Variables.All, v => v.Name == name));
        }
    }

    /// <summary>Remedies go by what is known of a failure, not by its words.</summary>
    [Theory]
    [InlineData("Certificate", "CertificateExpired", "renew")]
    [InlineData("Certificate", "CertificateNotYetValid", "set the clock")]
    [InlineData("Certificate", "CertificateName", "one of those names")]
    [InlineData("Certificate", "CertificateUse", "serverAuth")]
    [InlineData("Certificate", "None", "authority that signed it")]
    [InlineData("Connection", "MayWantHttps", "to https")]
    [InlineData("HttpStatus", "MayWantHttps", "to https")]
    [InlineData("Connection", "ResetOfHttp", "try https://")]
    [InlineData("TlsHandshake", "MayWantHttp", "to http,")]
    [InlineData("Proxy", "ProxyCredentials", "USER:PASSWORD")]
    [InlineData("Proxy", "ProxyForbids", "have it allow")]
    [InlineData("Proxy", "ProxyCannotReach", "proxy's log")]
    [InlineData("Proxy", "None", "SIDECAR_REMOTE_WRITE_PROXY_URL")]
    [InlineData("BodySizeLimit", "QueueSizeLimit", "SIDECAR_QUEUE_SIZE_LIMIT")]
    public void Each_detail_has_its_own_remedy(string reason, string detail, string remedy)
    {
        var failure = new Failure(Enum.Parse<FailureReason>(reason), "words", Enum.Parse<FailureDetail>(detail));
        Assert.Contains(remedy, Advice.For(CheckPeer.StaticTarget, failure).Remedy);
    }
}
