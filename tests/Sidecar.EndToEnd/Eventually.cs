namespace Sidecar.EndToEnd;

/// <summary>Waits for conditions, generously: the machine may be slow, and no test here measures time.</summary>
public static class Eventually
{
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static Task TrueAsync(Func<bool> condition, Func<string> otherwise) => TrueAsync(() => Task.FromResult(condition()), otherwise);

    public static async Task TrueAsync(Func<Task<bool>> condition, Func<string> otherwise)
    {
        var until = DateTime.UtcNow + Patience;
        while (!await condition())
        {
            Assert.True(DateTime.UtcNow < until, $"not within {Patience}: {otherwise()}");
            await Task.Delay(50, TestContext.Current.CancellationToken);
        }
    }
}
