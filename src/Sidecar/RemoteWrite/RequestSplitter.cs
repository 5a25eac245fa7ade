using Google.Protobuf;
using IronSnappy;

namespace Sidecar.RemoteWrite;

/// <summary>Halves a request that a receiver refuses, to find the series that it refuses.</summary>
internal static class RequestSplitter
{
    /// <summary>The series of the request in two requests; null when there is only one.</summary>
    public static (EncodedRequest First, EncodedRequest Second)? Halve(EncodedRequest request)
    {
        if (request.Samples < 2)
            return null;
        var body = Snappy.Decode(request.Body);
        var middle = EndOfSeries(body, request.Samples / 2);
        return (new EncodedRequest(Snappy.Encode(body.AsSpan(0, middle)), request.Samples / 2),
            new EncodedRequest(Snappy.Encode(body.AsSpan(middle)), request.Samples - request.Samples / 2));
    }

    /// <summary>The labels of a request's first series, for the log: <c>name{label="value"}</c>.</summary>
    public static string DescribeFirst(EncodedRequest request)
    {
        var series = Wire.WriteRequest.Parser.ParseFrom(Snappy.Decode(request.Body)).Timeseries[0];
        var name = series.Labels.FirstOrDefault(l => l.Name == "__name__")?.Value;
        return $"{name}{{{string.Join(',', series.Labels.Where(l => l.Name != "__name__").Select(l => $"{l.Name}=\"{l.Value}\""))}}}";
    }

    /// <summary>Every TimeSeries is one length-delimited field of the WriteRequest; each has one sample here.</summary>
    private static int EndOfSeries(byte[] body, int series)
    {
        using var input = new CodedInputStream(body);
        for (var i = 0; i < series; i++)
        {
            input.ReadTag();
            input.SkipLastField();
        }
        return (int)input.Position;
    }
}
