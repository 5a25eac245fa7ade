using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>Go's strconv, which the formats are defined by.</summary>
public sealed class FloatTextTests
{
    [Theory]
    [InlineData(1, "1.0")]
    [InlineData(0, "0.0")]
    [InlineData(-1, "-1.0")]
    [InlineData(0.5, "0.5")]
    [InlineData(0.005, "0.005")]
    [InlineData(0.0001, "0.0001")]
    [InlineData(0.00016, "0.00016")]
    [InlineData(0.00001, "1e-05")]
    [InlineData(1.5e-5, "1.5e-05")]
    [InlineData(100000, "100000.0")]
    [InlineData(999999, "999999.0")]
    [InlineData(1000000, "1e+06")]
    [InlineData(2097152, "2.097152e+06")]
    [InlineData(1234567.5, "1.2345675e+06")]
    [InlineData(123456.5, "123456.5")]
    [InlineData(1e21, "1e+21")]
    [InlineData(1e100, "1e+100")]
    [InlineData(1e-100, "1e-100")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NegativeInfinity, "-Inf")]
    [InlineData(double.NaN, "NaN")]
    [InlineData(5e-324, "5e-324")]
    [InlineData(double.MaxValue, "1.7976931348623157e+308")]
    public void Formats_as_openmetrics_has_it(double value, string expected)
    {
        var text = new byte[32];
        Assert.Equal(expected, Encoding.ASCII.GetString(text, 0, FloatText.Format(value, text)));
    }

    [Theory]
    [InlineData("1", "1.0")]
    [InlineData("0.50", "0.5")]
    [InlineData("00.5", "0.5")]
    [InlineData(".5", "0.5")]
    [InlineData("1e-5", "1e-05")]
    [InlineData("1e-05", "1e-05")]
    [InlineData("0.00001", "1e-05")]
    [InlineData("0.00010", "0.0001")]
    [InlineData("1048576", "1.048576e+06")]
    [InlineData("1048576.5", "1.0485765e+06")]
    [InlineData("Inf", "+Inf")]
    [InlineData("+Inf", "+Inf")]
    [InlineData("nan", "NaN")]
    [InlineData("0.1", "0.1")]
    [InlineData("10.0", "10.0")]
    [InlineData("0.0", "0.0")]
    [InlineData("0.00", "0.0")]
    [InlineData("0.1234567890123456789", "0.12345678901234568")]
    [InlineData("1.048576e+06", "1.048576e+06")]
    [InlineData("1.0e+06", "1e+06")]
    [InlineData("1e+05", "100000.0")]
    [InlineData("1e-04", "0.0001")]
    [InlineData("1.50e-05", "1.5e-05")]
    [InlineData("10e+06", "1e+07")]
    [InlineData("0e+06", "0.0")]
    [InlineData("1.e+06", "1e+06")]
    [InlineData("1e+100", "1e+100")]
    [InlineData("0", "0.0")]
    [InlineData("007", "7.0")]
    [InlineData("999999", "999999.0")]
    [InlineData("1e", "1e")]
    [InlineData("xe+06", "xe+06")]
    [InlineData("-0", "0.0")]
    [InlineData("-0.0", "0.0")]
    [InlineData("0e5", "0.0")]
    [InlineData("-1", "-1.0")]
    [InlineData("x", "x")]
    [InlineData("", "")]
    public void Bounds_are_normalised_as_prometheus_3_does(string bound, string expected)
    {
        var text = new byte[32];
        var changed = FloatText.TryNormalize(Encoding.ASCII.GetBytes(bound), text, out var written);
        Assert.Equal(expected, changed ? Encoding.ASCII.GetString(text, 0, written) : bound);
        Assert.Equal(bound != expected, changed);
    }

    [Theory]
    [InlineData(1, "1")]
    [InlineData(0, "0")]
    [InlineData(0.005, "0.005")]
    [InlineData(100, "100")]
    [InlineData(1e6, "1e+06")]
    [InlineData(1048576, "1.048576e+06")]
    [InlineData(double.PositiveInfinity, "+Inf")]
    [InlineData(double.NaN, "NaN")]
    public void The_text_format_has_no_point_where_none_is_needed(double value, string expected)
    {
        var text = new byte[32];
        Assert.Equal(expected, Encoding.ASCII.GetString(text, 0, FloatText.FormatAsText(value, text)));
    }

    [Fact]
    public void A_scraped_nan_has_prometheus_s_bits()
    {
        Assert.True(FloatText.TryParse("NaN"u8, out var value));
        Assert.Equal(0x7ff8000000000001UL, BitConverter.DoubleToUInt64Bits(value));
        Assert.Equal(0x7ff0000000000002UL, BitConverter.DoubleToUInt64Bits(FloatText.StaleNaN));
    }
}
