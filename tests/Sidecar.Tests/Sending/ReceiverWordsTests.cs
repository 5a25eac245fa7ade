using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class ReceiverWordsTests
{
    [Theory]
    [InlineData(404, "404 page not found", true)]
    [InlineData(405, "Method Not Allowed", true)]
    [InlineData(400, "unsupported path requested: \"/write\"", true)] // VictoriaMetrics
    [InlineData(400, "out of order sample", false)]
    [InlineData(500, "unsupported path", false)]
    public void A_path_that_is_not_there(int status, string words, bool isWrongPath) =>
        Assert.Equal(isWrongPath, ReceiverWords.IsWrongPath(status, words));

    [Theory]
    [InlineData("store locally for endpoint 10.0.0.1:10901: add 5 samples: out of order sample", true)]
    [InlineData("add 3 samples: duplicate sample for timestamp", true)]
    [InlineData("2 errors: forwarding request to endpoint 10.0.0.1:10901: conflict; replicate write request: conflict", true)]
    [InlineData("add 1 series: out of order labels", false)]
    [InlineData("add 1 series: label set contains a label with empty name or value; duplicate labels", false)]
    [InlineData("add 2 exemplars: out of order exemplar", false)]
    [InlineData("add 2 samples: out of bounds", false)]
    [InlineData("something else", false)]
    public void What_Thanos_has_already(string words, bool isThere) => Assert.Equal(isThere, ReceiverWords.IsAlreadyThere(words));
}
