using Cluster;

[assembly: AssemblyFixture(typeof(Sidecar.EndToEnd.PublishedBinary))]

namespace Sidecar.EndToEnd;

/// <summary>The Native AOT binary that all tests here run, published once from the sources as a user would.</summary>
public sealed class PublishedBinary : IAsyncLifetime
{
    public string Path { get; private set; } = "";

    public async ValueTask InitializeAsync()
    {
        var path = await SidecarBinary.PublishAsync("artifacts/end-to-end");
        Assert.True(path is not null, "dotnet publish failed; its words are on standard error");
        Path = path!;
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
