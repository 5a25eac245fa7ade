using System.Diagnostics;
using Microsoft.Extensions.Time.Testing;
using Sidecar.Queueing;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Queueing;

public sealed class FolderThreadTests
{
    /// <summary>
    /// The process has 0.8 s left when all its time for stopping is used, and a disk counts as hanging after two: one that began to hang in
    /// between is not to make an ordinary end into a forced one.
    /// </summary>
    [Fact]
    public void The_end_does_not_wait_for_a_call_that_may_be_hanging()
    {
        using var hang = new ManualResetEventSlim();
        var metrics = new Metrics(new Uri("http://receiver/"), "j", TimeSpan.FromSeconds(15), TimeProvider.System);
        var log = new Log(TextWriter.Null, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);
        // By a clock that stands still it never counts as hanging.
        var folder = new FolderThread(new ScrapeFolder("/nowhere", new FolderCalls(), metrics, log), metrics, log, new FakeTimeProvider());
        folder.Post(_ => hang.Wait(TimeSpan.FromSeconds(30)), _ => { }, failed: false);
        var began = Stopwatch.GetTimestamp();
        folder.Dispose();
        Assert.False(folder.IsHanging);
        Assert.InRange(Stopwatch.GetElapsedTime(began).TotalSeconds, 0, 15);
        hang.Set();
    }
}
