using System.Text;
using Google.Protobuf;

namespace Sidecar.RemoteWrite;

/// <summary>Halves a request that a receiver refuses, to find the series that it refuses.</summary>
internal static class RequestSplitter
{
    /// <summary>The series of the request in two requests; null when there is only one.</summary>
    public static (EncodedRequest First, EncodedRequest Second)? Halve(EncodedRequest request)
    {
        if (request.Samples < 2)
            return null;
        var body = request.Decompress();
        var middle = EndOfSeries(body, request.Samples / 2);
        return (EncodedRequest.Compress(body.AsSpan(0, middle), request.Samples / 2),
            EncodedRequest.Compress(body.AsSpan(middle), request.Samples - request.Samples / 2));
    }

    /// <summary>The labels of a request's first series, for the log: <c>name{label="value"}</c>.</summary>
    public static string DescribeFirst(EncodedRequest request)
    {
        var text = new StringBuilder();
        using var message = new CodedInputStream(request.Decompress());
        message.ReadTag();
        using var series = message.ReadBytes().CreateCodedInput();
        while (series.ReadTag() == LabelMessage.LabelsTag)
        {
            using var label = series.ReadBytes().CreateCodedInput();
            label.ReadTag();
            var name = label.ReadString();
            label.ReadTag();
            var value = label.ReadString();
            if (name == "__name__")
                text.Insert(0, value + '{');
            else
                text.Append(text.Length > 0 && text[^1] != '{' ? "," : "").Append(name).Append("=\"").Append(value).Append('"');
        }
        return text.Append('}').ToString();
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
