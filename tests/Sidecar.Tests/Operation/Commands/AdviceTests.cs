using Sidecar.Http;
using Sidecar.Operation.Commands;

namespace Sidecar.Tests.Operation.Commands;

public sealed class AdviceTests
{
    public static TheoryData<string> Reasons => [.. Enum.GetValues<FailureReason>().Where(r => r != FailureReason.None).Select(r => r.ToString())];

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
            var names = $"{advice.Cause} {advice.Remedy}".Split([' ', ',', '(', ')', ';', '=']).Where(w => w.StartsWith("SIDECAR_") && !w.EndsWith('…'));
            Assert.All(names, name => Assert.Contains(Sidecar.Configuration.Variables.All, v => v.Name == name));
        }
    }
}
