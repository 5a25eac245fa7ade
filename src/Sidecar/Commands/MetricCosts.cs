using System.IO.Hashing;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>What each metric of one or more scrapes costs: series, and bytes as sent. One small object per metric name.</summary>
internal sealed class MetricCosts
{
    /// <summary>About what a sample takes beside its labels in a request, bytes: a double, a timestamp, tags and lengths.</summary>
    private const int SampleBytes = 20;

    private readonly Dictionary<ulong, MetricCost> metrics = [];
    private readonly List<MetricCost> inRequest = [];
    private long requestBytes; // of the labels and samples in the request at hand, before compression
    private MetricCost? last;

    public long Series { get; private set; }
    public long Bytes { get; private set; }

    /// <summary>The most expensive first, by series and then by bytes.</summary>
    public List<MetricCost> First(int count)
    {
        var sorted = new List<MetricCost>(metrics.Values);
        sorted.Sort(static (one, other) => one.Series != other.Series ? other.Series.CompareTo(one.Series)
            : one.Bytes != other.Bytes ? other.Bytes.CompareTo(one.Bytes) : string.CompareOrdinal(one.Name, other.Name));
        return sorted.GetRange(0, Math.Min(count, sorted.Count));
    }

    /// <summary>Counts the values of the labels of a few metrics.</summary>
    public void CountLabels(List<MetricCost> shown, ScrapeWalk series)
    {
        shown.ForEach(static m => m.IsShown = true);
        while (series.Next())
        {
            if (Find(series.Labels.Find("__name__"u8)) is { IsShown: true } metric)
                metric.Count(series.Labels);
        }
    }

    private MetricCost Find(ReadOnlySpan<byte> name)
    {
        if (last is not null && name.SequenceEqual(last.Utf8Name))
            return last;
        var hash = XxHash3.HashToUInt64(name);
        if (!metrics.TryGetValue(hash, out last))
            metrics.Add(hash, last = new MetricCost(name.ToArray()));
        return last;
    }

    /// <summary>Adds one scrape, encoded in requests as they would be sent.</summary>
    /// <param name="labels">See <see cref="ScrapeWalk"/>.</param>
    public MetricCosts Add(Scrape scrape, PassContext context, TargetLabels? labels = null)
    {
        var series = new ScrapeWalk(scrape, context, labels);
        while (series.Next())
        {
            var metric = Find(series.Labels.Find("__name__"u8));
            metric.Series++;
            Series++;
            if (metric.BytesInRequest == 0)
                inRequest.Add(metric);
            var bytes = SampleBytes;
            for (var i = 0; i < series.Labels.Count; i++)
                bytes += LabelMessage.Size(series.Labels.Name(i).Length, series.Labels.Value(i).Length);
            metric.BytesInRequest += bytes;
            requestBytes += bytes;
            series.Commit();
            if (context.Encoder.IsFull)
                Share(context.Encoder.Take());
        }
        Share(context.Encoder.Take());
        return this;
    }

    /// <summary>Divides what the request takes compressed among its metrics, by what they take in it uncompressed.</summary>
    private void Share(EncodedRequest? request)
    {
        if (request is null)
            return;
        Bytes += request.Length;
        foreach (var metric in inRequest)
        {
            metric.Bytes += (double)request.Length * metric.BytesInRequest / requestBytes;
            metric.BytesInRequest = 0;
        }
        inRequest.Clear();
        requestBytes = 0;
        request.Release();
    }
}
