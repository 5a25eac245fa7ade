using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Records;
using Sidecar.Relabeling;
using Sidecar.Requests;

namespace Sidecar.Commands;

/// <summary>What can be set to send less, and what it saves.</summary>
/// <param name="what">In words, with what is lost.</param>
/// <param name="variable">To be set to <paramref name="value"/>.</param>
internal sealed class SavingProposal(string what, string variable, string value, long series, long bytes)
{
    public string What { get; } = what;
    public string Variable { get; } = variable;
    public string Value { get; } = value;
    public long Series { get; } = series;
    public long Bytes { get; } = bytes;
}

/// <summary>Measures proposals: reads them like configuration and encodes the scrape again with them.</summary>
/// <param name="environment">What is set now: proposed rules go behind one's own.</param>
internal sealed class TopSavings(JobOptions job, Scrape scrape, PassContext context, IReadOnlyDictionary<string, string?> environment)
{
    /// <summary>What saves less of the series is not worth a line.</summary>
    private const double LeastShare = 0.01;

    private readonly SeriesRules present = job.Scrape.SeriesRules ?? new SeriesRules(RelabelRules.None, RelabelRules.None);

    /// <summary>As it is sent now.</summary>
    public MetricCosts Before { get; } = new MetricCosts().Add(scrape, context, scrape.Labels);

    /// <summary>The gentlest first; the last saves the most.</summary>
    public List<SavingProposal> Propose(List<MetricCost> metrics)
    {
        var proposals = new List<SavingProposal>();
        if (string.IsNullOrWhiteSpace(Value(Variables.Preset)))
        {
            foreach (var (name, rules) in Presets.All)
                Try("The preset", Variables.Preset, name, RelabelConfigs.Read(rules, out _).Then(present.Metric));
        }
        TryRules("Keeping every third bucket of the histograms above (quantiles become coarser)", Proposal.ThinBuckets(metrics));
        TryRules("Dropping the buckets of the histograms above (no quantiles; rates, averages and latency objectives stay)",
            Proposal.DropBuckets(metrics));
        // Where no histogram is to blame, the biggest metric alone may be.
        if (proposals.Count == 0 && metrics.Count > 0 && metrics[0].Series * 10 >= Before.Series)
            TryRules("Dropping the biggest metric", Proposal.DropMetric(metrics[0]));
        proposals.Sort(static (a, b) => a.Series.CompareTo(b.Series));
        return proposals;

        void TryRules(string what, string? rules)
        {
            if (rules is null)
                return;
            var value = Proposal.Append(Value(Variables.MetricRelabelConfigs), rules);
            var read = RelabelConfigs.Read(rules, out var errors);
            if (errors.Count == 0)
                Try(what, Variables.MetricRelabelConfigs, value, present.Metric.Then(read));
        }

        void Try(string what, Variable variable, string value, RelabelRules metricRules)
        {
            var after = new MetricCosts().Add(scrape, context, new TargetLabels(scrape.Target.Labels, job.Scrape.ExternalLabels,
                job.Scrape.HonorLabels, new SeriesRules(metricRules, present.Write)));
            if (Before.Series - after.Series >= Before.Series * LeastShare)
                proposals.Add(new SavingProposal(what, job.Variables.NameOf(variable), value,
                    Before.Series - after.Series, Before.Bytes - after.Bytes));
        }
    }

    private string? Value(Variable variable) => job.Variables.Find(environment, variable).Text;
}
