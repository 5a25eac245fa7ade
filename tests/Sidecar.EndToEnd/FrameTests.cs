namespace Sidecar.EndToEnd;

public sealed class FrameTests
{
    [Fact]
    public void Builds() => Assert.True(true);
}
