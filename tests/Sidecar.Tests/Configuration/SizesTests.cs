using Sidecar.Configuration;

namespace Sidecar.Tests.Configuration;

public sealed class SizesTests
{
    [Theory]
    [InlineData("0", 0)]
    [InlineData("0B", 0)]
    [InlineData("1B", 1)]
    [InlineData("1KB", 1024)]
    [InlineData("1KiB", 1024)]
    [InlineData("16MB", 16L << 20)]
    [InlineData("16MiB", 16L << 20)]
    [InlineData("1GB", 1L << 30)]
    [InlineData("1GiB", 1L << 30)]
    [InlineData("2TB", 2L << 40)]
    [InlineData("1PiB", 1L << 50)]
    [InlineData("7EB", 7L << 60)]
    [InlineData("1.5KB", 1536)]
    [InlineData(".5MB", 512L << 10)]
    [InlineData("1.MB", 1L << 20)]
    [InlineData("1GiB512MiB", 1536L << 20)]
    [InlineData("1MB1B", (1L << 20) + 1)]
    [InlineData("8Mi", 8L << 20)]
    [InlineData("1.5Gi", 3L << 29)]
    [InlineData("1Gi512Mi", 3L << 29)]
    [InlineData("+8MB", 8L << 20)]
    public void Reads_what_Prometheus_reads(string text, long bytes)
    {
        var parsed = Sizes.Parse(text);
        Assert.Null(parsed.Problem);
        Assert.Equal(bytes, parsed.Value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("1024")]
    [InlineData("MB")]
    [InlineData("16 MB")]
    [InlineData("16M")]
    [InlineData("16i")]
    [InlineData("16Bi")]
    [InlineData("1Mi1B")]
    [InlineData("1Mi1MiB")]
    [InlineData("16mb")]
    [InlineData("1kB")]
    [InlineData("1kiB")]
    [InlineData("1b")]
    [InlineData("1XB")]
    [InlineData("1BB")]
    [InlineData("-1MB")]
    [InlineData("1..5MB")]
    [InlineData(".MB")]
    [InlineData("1e3B")]
    [InlineData("1,5MB")]
    [InlineData("1MiB1KB")]
    [InlineData("8EB")]
    [InlineData("99999999999EB")]
    public void Rejects_what_Prometheus_rejects_and_Kubernetes_does_not_know(string text) => Assert.NotNull(Sizes.Parse(text).Problem);

    [Theory]
    [InlineData(0, "0B")]
    [InlineData(1, "1B")]
    [InlineData(1500, "1500B")]
    [InlineData(8L << 20, "8MiB")]
    [InlineData(1L << 30, "1GiB")]
    public void Formats_in_the_largest_whole_unit(long bytes, string text)
    {
        Assert.Equal(text, Sizes.Format(bytes));
        Assert.Equal(bytes, Sizes.Parse(text).Value);
    }
}
