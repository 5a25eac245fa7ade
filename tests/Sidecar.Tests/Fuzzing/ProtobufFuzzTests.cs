using Sidecar.Exposition;
using Sidecar.Tests.Exposition;

namespace Sidecar.Tests.Fuzzing;

/// <summary>Any bytes as protobuf, with native histograms and without.</summary>
public sealed class ProtobufFuzzTests
{
    private static readonly byte[][] Words =
    [
        [0x0a, 1, (byte)'a'], [0x18, 0], [0x18, 2], [0x18, 4], [0x18, 5], [0x22, 0], [0x3a, 0], [0x1a, 2, 0x08, 1],
        [0x62, 4, 0x08, 0, 0x10, 2], [0x6a, 2, 4, 1],
        [0x2a, 1, (byte)'a'], [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], [0xff, 0xff, 0xff, 0xff, 0x0f],
        [0], [0x82, 0x01, 0], [0x7a, 2, 8, 1],
        [0x09, 1, 2, 3, 4, 5, 6, 7, 8], [0x33], [0x34], [0x10, 0x80, 0x80, 0x80, 0x80, 0x08],
    ];

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Trait("Speed", "Slow")]
    public void Any_bytes_are_samples_or_a_parse_error(bool native)
    {
        using var fuzz = new ExpositionFuzz(
        native ? BodyFormat.PrometheusProto : BodyFormat.PrometheusProtoClassic, ProtobufReaderTests.Seeds, Words);
        fuzz.Run();
    }
}
