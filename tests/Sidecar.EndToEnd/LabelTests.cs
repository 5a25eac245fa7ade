using Cluster.Labels;

namespace Sidecar.EndToEnd;

/// <summary>
/// Passes that go on at the same time do not see each other: every label of every series is what the rules make of it. 6 targets of 100,000
/// series here, 5 scrapes each; the benchmark command <c>labels</c> takes 200,000 and 20.
/// </summary>
public sealed class LabelTests(PublishedBinary binary)
{
    [Fact]
    [Trait("Speed", "Slow")]
    public Task On_one_processor_all_labels_are_right() => HoldAsync(new(binary.Path) { IsOnOneProcessor = true, Protocol = "1.0" });

    [Fact]
    [Trait("Speed", "Slow")]
    public Task With_two_threads_all_labels_are_right_in_the_second_version_too() => HoldAsync(new(binary.Path) { Protocol = "2.0" });

    [Fact]
    [Trait("Speed", "Slow")]
    public Task Of_scrapes_that_are_read_from_disk_all_labels_are_right() => HoldAsync(new(binary.Path) { IsStreamedFromDisk = true });

    private static async Task HoldAsync(LabelTrialOptions options)
    {
        if (options.IsOnOneProcessor)
            Assert.SkipUnless(File.Exists("/usr/bin/taskset"), "taskset is missing");
        var result = await LabelTrial.RunAsync(options, TestContext.Current.CancellationToken);
        var words = $"{result}\n{string.Join('\n', result.Examples.Concat(result.Violations.Take(5)))}\n{result.Log}";
        TestContext.Current.TestOutputHelper?.WriteLine($"{result.Received} series, {result.Scrapes} scrapes");
        Assert.True(result.Received >= (long)options.Targets * options.Series * options.Scrapes, words);
        Assert.True(result is { Wrong: 0, Twice: 0, Failed: 0, Missing: 0, ExitCode: 0 }, words);
        Assert.Empty(result.Violations);
    }
}
