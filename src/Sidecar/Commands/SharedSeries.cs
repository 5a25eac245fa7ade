using Sidecar.Configuration;
using Sidecar.Discovery;
using Sidecar.Http;
using Sidecar.Records;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>Series that more than one target sends: at the receiver they become one, of values that jump.</summary>
internal sealed class SharedSeries
{
    /// <summary>By a hash of the labels: whose it was first.</summary>
    private readonly Dictionary<ulong, Target> owners = [];

    /// <summary>Null where this target's series are its own.</summary>
    public CheckStep? Add(Scrape scrape, PassContext context)
    {
        var shared = 0;
        var (example, other) = ("", default(Target));
        for (var series = new ScrapeWalk(scrape, context); series.Next();)
        {
            var hash = series.Labels.Hash;
            if (owners.TryAdd(hash, scrape.Target) || owners[hash] == scrape.Target || shared++ > 0)
                continue;
            (example, other) = (Text(series.Labels), owners[hash]);
        }
        if (other is null)
            return null;
        return new("target", CheckStatus.Failed,
            $"{shared:N0} series of {Failures.Show(scrape.Target.Url)} are those of {Failures.Show(other.Url)} too, like {example}",
            new("both targets have the same labels, or rules take away what tells them apart; the receiver makes one series of both, "
                    + "whose values jump, and refuses some",
                $"let each keep an instance of its own: look at {Variables.RelabelConfigs.Name}, "
                    + $"{Variables.MetricRelabelConfigs.Name} and {Variables.WriteRelabelConfigs.Name}"));
    }

    private static string Text(SeriesLabels labels)
    {
        var text = new MemoryStream();
        SampleText.WriteSeries(text, labels);
        return Encoding.UTF8.GetString(text.ToArray());
    }
}
