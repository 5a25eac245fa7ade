using System.Globalization;
using System.Text;
using Sidecar.Exposition;

namespace Sidecar.Tests.Exposition;

/// <summary>Bounds as Go's strconv.ParseFloat takes them.</summary>
public sealed class FloatLiteralTests
{
    [Theory]
    [InlineData("1_0", 10)]
    [InlineData("-1_000.5_0e1_0", -1000.5e10)]
    [InlineData("0x1p4", 16)]
    [InlineData("0X1P+4", 16)]
    [InlineData("0x_1p4", 16)]
    [InlineData("+0x1_0p0", 16)]
    [InlineData("-0x.8p1", -1)]
    [InlineData("0xA.8p0", 10.5)]
    [InlineData("0x0p0", 0)]
    [InlineData("0x1.fffffffffffff8p0", 2)]
    [InlineData("0x1.fffffffffffff7p0", 1.9999999999999998)]
    [InlineData("0x10000000000000801p0", 1.8446744073709556e19)]
    [InlineData("0x1.00000000000008000000000000001p0", 1.0000000000000002)]
    [InlineData("0x1.0000000000000800000000000000p0", 1)]
    [InlineData("0x1p-1074", 5e-324)]
    [InlineData("0x1p-1076", 0)]
    [InlineData("0x1.8p-1074", 1e-323)]
    [InlineData("0x1.fffffffffffffp1023", double.MaxValue)]
    [InlineData("12.5", 12.5)]
    public void Go_s_literals_are_numbers(string text, double expected)
    {
        Assert.True(FloatLiteral.TryParse(Encoding.UTF8.GetBytes(text), out var value));
        Assert.Equal(expected, value);
    }

    [Theory]
    [InlineData("")]
    [InlineData("_")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1__0")]
    [InlineData("1_.0")]
    [InlineData("1_e5")]
    [InlineData("0x10")]
    [InlineData("0x")]
    [InlineData("0xp1")]
    [InlineData("0x.p1")]
    [InlineData("0x1p")]
    [InlineData("0x1p1.5")]
    [InlineData("0x1pinf")]
    [InlineData("0x1.2.3p1")]
    [InlineData("0xgp1")]
    [InlineData("0x-1p1")]
    [InlineData("0x1_p4")]
    [InlineData("x1p4")]
    [InlineData("0x1p1024")]
    [InlineData("1e400")]
    [InlineData("0x1p99999999999")]
    public void All_else_is_none(string text) => Assert.False(FloatLiteral.TryParse(Encoding.UTF8.GetBytes(text), out _));

    /// <summary>All doubles there are, by chance, as their exact hexadecimal form.</summary>
    [Fact]
    public void Every_double_is_read_exactly()
    {
        var random = new Random(7);
        for (var i = 0; i < 20_000; i++)
        {
            var bits = random.NextInt64();
            var (exponent, mantissa) = ((int)(bits >> 52 & 0x7ff), bits & 0xfffffffffffff);
            if (exponent == 0x7ff)
                continue;
            var text = string.Create(CultureInfo.InvariantCulture,
                $"0x{(exponent == 0 ? 0 : 1)}.{mantissa:x13}p{(exponent == 0 ? -1022 : exponent - 1023)}");
            Assert.True(FloatLiteral.TryParse(Encoding.UTF8.GetBytes(text), out var value));
            Assert.Equal(BitConverter.Int64BitsToDouble(bits), value);
        }
    }
}
