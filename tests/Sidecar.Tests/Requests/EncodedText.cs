using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Requests;
using Sidecar.Tests.Scraping;

namespace Sidecar.Tests.Requests;

/// <summary>Runs exposition text through reader and encoder, as a scrape does.</summary>
internal sealed class EncodedText(int samplesPerRequest = 2000)
{
    public const long Timestamp = 1_700_000_000_000;

    private readonly PassContext context = new(samplesPerRequest);

    /// <summary>Why the last text could not be encoded.</summary>
    public string? Error { get; private set; }

    /// <summary>Identity of each series of the last text.</summary>
    public List<ulong> Hashes { get; } = [];

    public static TargetLabels Labels(string target = "", string external = "", bool honorLabels = false) =>
        new([.. Pairs(target)], [.. Pairs(external)], honorLabels);

    /// <summary>The requests; stops at the first sample that fails.</summary>
    public List<EncodedRequest> Encode(string text, TargetLabels? labels = null)
    {
        var requests = new List<EncodedRequest>();
        Error = null;
        Hashes.Clear();
        var (reader, encoder) = (context.Reader, context.Encoder);
        encoder.Begin(labels ?? Labels());
        reader.Open(ScrapeFixture.Body(text).OpenRead(), 0);
        while (reader.Read())
        {
            if (!encoder.TryBegin(reader.Sample, out var hash))
            {
                Error = encoder.Error;
                break;
            }
            Hashes.Add(hash);
            encoder.Commit(reader.Sample.Value, reader.Sample.HasTimestamp ? reader.Sample.Timestamp : Timestamp);
            if (encoder.IsFull)
                requests.Add(encoder.Take()!);
        }
        if (reader.Error != ReadError.None)
            Error = reader.ErrorMessage;
        if (encoder.Take() is { } last)
            requests.Add(last);
        return requests;
    }

    public List<SentSample> Read(string text, TargetLabels? labels = null) => SentSample.Read(Encode(text, labels));

    /// <summary><c>a=1,b=2</c>.</summary>
    private static IEnumerable<KeyValuePair<string, string>> Pairs(string text) =>
        text.Split(',', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => KeyValuePair.Create(p[..p.IndexOf('=')], p[(p.IndexOf('=') + 1)..]));

    /// <summary>A sample line with any names and values, quoted as text format 1.0.0 has it.</summary>
    public static string Line(string name, IEnumerable<(string Name, string Value)> labels, string value = "1") =>
        $"{{{Quote(name)},{string.Concat(labels.Select(l => $"{Quote(l.Name)}={Quote(l.Value)},"))}}} {value}\n";

    private static string Quote(string text) => $"\"{text.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")}\"";
}
