using Microsoft.Extensions.Time.Testing;
using Sidecar.Sending;

namespace Sidecar.Tests.Sending;

public sealed class RequestSizesTests
{
    private readonly FakeTimeProvider time = new();
    private readonly RequestSizes sizes;

    public RequestSizesTests() => sizes = new RequestSizes(time);

    [Fact]
    public void Nothing_is_split_before_a_refusal_or_where_no_size_was_taken()
    {
        sizes.Accepted(500);
        Assert.Equal(1, sizes.Parts(1_000_000));
        sizes.Refused(1000);
        Assert.Equal(1, sizes.Parts(1000));
    }

    [Theory]
    [InlineData(999, 1)]
    [InlineData(1000, 2)]
    [InlineData(1001, 3)]
    [InlineData(1500, 3)]
    [InlineData(1_000_000, RequestSizes.MostParts)]
    public void A_size_that_was_refused_is_split_into_sizes_that_were_taken(int series, int parts)
    {
        sizes.Refused(2000);
        sizes.Refused(1000);
        sizes.Accepted(400);
        sizes.Accepted(500);
        sizes.Accepted(30);
        Assert.Equal(parts, sizes.Parts(series));
    }

    [Fact]
    public void A_lower_limit_is_learned_and_a_higher_one_after_ten_minutes()
    {
        sizes.Refused(1000);
        sizes.Accepted(500);
        sizes.Refused(500);
        Assert.Equal(1, sizes.Parts(1000)); // no size is known that fits
        sizes.Accepted(250);
        Assert.Equal(4, sizes.Parts(1000));
        time.Advance(TimeSpan.FromMinutes(10.1));
        Assert.Equal(1, sizes.Parts(1000));
        Assert.Equal(1, sizes.Parts(1_000_000));
    }
}
