using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// Type, help and unit of metrics in requests of their own, as remote write 1.0 has them:
/// <c>WriteRequest { repeated MetricMetadata metadata = 3; }</c>. In 2.0 they stand beside each series.
/// </summary>
internal sealed class MetadataEncoder
{
    /// <summary>Prometheus's default metadata_config.max_samples_per_send.</summary>
    private const int MostOfRequest = 2000;

    private readonly WireBuffer message = new();
    private readonly List<EncodedRequest> requests = [];
    private int family = int.MinValue;
    private int count; // in the message

    /// <summary>Of the metric that a sample belongs to; once, however many samples it has.</summary>
    public void Add(MetricFamily of)
    {
        if (of.Ordinal == family)
            return;
        family = of.Ordinal;
        if (of.Type == MetricType.Unknown && of.Help.IsEmpty && of.Unit.IsEmpty)
            return;
        const int Metadata = 3;
        var start = message.Begin(Metadata);
        message.WriteVarint(1, (int)of.Type);
        message.WriteBytes(2, of.Name);
        message.WriteBytes(4, of.Help);
        message.WriteBytes(5, of.Unit);
        message.End(start);
        if (++count == MostOfRequest)
            Close();
    }

    public IReadOnlyList<EncodedRequest> Take()
    {
        Close();
        return requests;
    }

    public void Drop()
    {
        foreach (var request in requests)
            request.Release();
        requests.Clear();
    }

    private void Close()
    {
        if (count == 0)
            return;
        var request = EncodedRequest.Compress(WriteVersion.One, message.Written);
        request.Metadata = count;
        requests.Add(request);
        message.Clear();
        count = 0;
    }
}
