using System.Text;
using Google.Protobuf;

namespace Sidecar.RemoteWrite;

/// <summary>Halves a request that a receiver refuses, to find the series that it refuses.</summary>
internal static class RequestSplitter
{
    /// <summary>The series of the request in two requests; null when there is only one. In 2.0 both have all symbols.</summary>
    public static (EncodedRequest First, EncodedRequest Second)? Halve(EncodedRequest request)
    {
        if (request.Samples < 2)
            return null;
        var body = request.Decompress();
        var symbols = EndOfSymbols(body, request.Version);
        int middle;
        var (histograms, exemplars) = (0, 0);
        using (var input = new CodedInputStream(body, symbols, body.Length - symbols))
        {
            for (var i = 0; i < request.Samples / 2; i++)
            {
                input.ReadTag();
                Count(input.ReadBytes(), request.Version, ref histograms, ref exemplars);
            }
            middle = (int)input.Position;
        }
        var first = EncodedRequest.Compress(request.Version, body.AsSpan(0, middle));
        (first.Samples, first.Histograms, first.Exemplars) = (request.Samples / 2, histograms, exemplars);
        var second = EncodedRequest.Compress(request.Version, body.AsSpan(0, symbols)).Join(EncodedRequest.Compress(request.Version, body.AsSpan(middle)));
        (second.Samples, second.Histograms, second.Exemplars) =
            (request.Samples - first.Samples, request.Histograms - histograms, request.Exemplars - exemplars);
        return (first, second);
    }

    /// <summary>The labels of a request's first series, for the log: <c>name{label="value"}</c>.</summary>
    public static string DescribeFirst(EncodedRequest request)
    {
        var body = request.Decompress();
        var symbols = EndOfSymbols(body, request.Version);
        using var message = new CodedInputStream(body, symbols, body.Length - symbols);
        message.ReadTag();
        using var series = message.ReadBytes().CreateCodedInput();
        var text = new StringBuilder();
        foreach (var (name, value) in request.Version == WriteVersion.One ? Labels(series) : Labels(series, body.AsMemory(0, symbols)))
        {
            if (name == "__name__")
                text.Insert(0, value + '{');
            else
                text.Append(text.Length > 0 && text[^1] != '{' ? "," : "").Append(name).Append("=\"").Append(value).Append('"');
        }
        return text.Append('}').ToString();
    }

    /// <summary>All symbols stand in front of the first series.</summary>
    private static int EndOfSymbols(byte[] body, WriteVersion version)
    {
        using var input = new CodedInputStream(body);
        var end = 0;
        while (version == WriteVersion.Two && input.ReadTag() is not (0 or SeriesMessage.SecondTag))
        {
            input.SkipLastField();
            end = (int)input.Position;
        }
        return end;
    }

    private static void Count(ByteString series, WriteVersion version, ref int histograms, ref int exemplars)
    {
        using var input = series.CreateCodedInput();
        while (input.ReadTag() is > 0 and var tag)
        {
            var field = (int)(tag >> 3);
            histograms += field == (version == WriteVersion.One ? 4 : 3) ? 1 : 0;
            exemplars += field == (version == WriteVersion.One ? 3 : 4) ? 1 : 0;
            input.SkipLastField();
        }
    }

    private static List<(string Name, string Value)> Labels(CodedInputStream series)
    {
        var labels = new List<(string, string)>();
        while (series.ReadTag() == LabelMessage.LabelsTag)
        {
            using var label = series.ReadBytes().CreateCodedInput();
            label.ReadTag();
            var name = label.ReadString();
            label.ReadTag();
            labels.Add((name, label.ReadString()));
        }
        return labels;
    }

    private static List<(string Name, string Value)> Labels(CodedInputStream series, ReadOnlyMemory<byte> symbols)
    {
        var texts = new List<string>();
        using var input = new CodedInputStream(symbols.ToArray());
        while (input.ReadTag() != 0)
            texts.Add(input.ReadString());
        var labels = new List<(string, string)>();
        series.ReadTag();
        using var references = series.ReadBytes().CreateCodedInput();
        while (!references.IsAtEnd)
            labels.Add((texts[(int)references.ReadUInt32()], texts[(int)references.ReadUInt32()]));
        return labels;
    }
}
