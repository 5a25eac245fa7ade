using Microsoft.Extensions.Time.Testing;
using Sidecar.Telemetry;

namespace Sidecar.Tests.Telemetry;

public sealed class StandardErrorTests
{
    [Fact]
    public void Lines_that_nobody_reads_are_dropped_without_waiting_twice_and_told_once_there_is_room()
    {
        var hasRoom = true;
        var waits = new List<int>();
        var output = new StringWriter();
        using var error = new StandardError(output, milliseconds =>
        {
            waits.Add(milliseconds);
            return hasRoom;
        });
        var log = new Log(error, LogLevel.Info, LogFormat.Logfmt, new FakeTimeProvider());
        error.LinesDropped += lines => log.Warn("Lines were dropped", ("lines", lines));

        log.Info("one");
        hasRoom = false;
        log.Info("two");
        log.Info("three");
        hasRoom = true;
        log.Info("four");
        log.Info("five");

        Assert.Equal(["one", "four", "\"Lines were dropped\" lines=2", "five"],
            output.ToString().TrimEnd('\n').Split('\n').Select(l => l[(l.IndexOf("msg=", StringComparison.Ordinal) + 4)..]));
        Assert.Equal(0, waits[2]); // the first lost line has waited
        Assert.True(waits[1] > 0);
    }
}
