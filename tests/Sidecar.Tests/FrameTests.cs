namespace Sidecar.Tests;

public sealed class FrameTests
{
    [Fact]
    public void Builds() => Assert.True(true);
}
