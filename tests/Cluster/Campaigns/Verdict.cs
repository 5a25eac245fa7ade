using System.Globalization;
using System.Text;

namespace Cluster.Campaigns;

/// <summary>What a campaign has counted, and what it has found wrong.</summary>
public sealed class Verdict(CampaignOptions options)
{
    private const int MostOfAKind = 12;

    private readonly List<(string Kind, string What)> findings = [];

    /// <summary>Scrapes served to their last byte, good ones.</summary>
    public int Served { get; set; }

    /// <summary>Of those, all of it is at the receiver as it was served.</summary>
    public int Arrived { get; set; }

    /// <summary>Of those, served when the process ended, or just before; how many of them have arrived all the same.</summary>
    public int InFlight { get; set; }

    public int InFlightArrived { get; set; }

    /// <summary>Lost, and they may be: the disk took nothing, so they waited in memory, and the process ended.</summary>
    public int LostInMemory { get; set; }

    /// <summary>Lost, and they may be: the campaign changed their file.</summary>
    public int LostDamaged { get; set; }

    /// <summary>Served to the last byte, and told by up 0 and a duration as long as the timeout that it came too late.</summary>
    public int TimedOut { get; set; }

    /// <summary>Scrapes that targets let fail, and of those the ones told by an up of 0.</summary>
    public int Failing { get; set; }

    public int FailingTold { get; set; }

    public int Lost { get; set; }

    public int Starts { get; set; }

    public long Samples { get; set; }

    public long Duplicates { get; set; }

    public int Markers { get; set; }

    public int Ends { get; set; }

    /// <summary>Milliseconds from SIGTERM to the end, at most.</summary>
    public long LongestEnd { get; set; }

    /// <summary>Milliseconds that the listener took to answer, at most; SIGSTOP left out.</summary>
    public long LongestAnswer { get; set; }

    public IReadOnlyDictionary<Faults, int> Spells { get; set; } = new Dictionary<Faults, int>();

    public IReadOnlyDictionary<string, int> Requests { get; set; } = new Dictionary<string, int>();

    public int Litter { get; set; }

    public CampaignOptions Options => options;

    public IReadOnlyList<string> Findings
    {
        get
        {
            lock (findings)
            {
                return [.. findings.GroupBy(f => f.Kind).SelectMany(g => g.Take(MostOfAKind).Select(f => $"{f.Kind}: {f.What}")
                    .Concat(g.Skip(MostOfAKind).Take(1).Select(_ => $"{g.Key}: … {g.Count()} in all")))];
            }
        }
    }

    public void Find(string kind, string what)
    {
        lock (findings)
            findings.Add((kind, what));
    }

    public int Count(string kind)
    {
        lock (findings)
            return findings.Count(f => f.Kind == kind);
    }

    /// <summary>A table in Markdown.</summary>
    public string Table()
    {
        var table = new StringBuilder();
        Row($"{options.Targets} targets, a scrape a second each, {DateTime.UtcNow:yyyy-MM-dd}", "");
        table.Append("|---|---|\n");
        Row("minutes of faults; seed", $"{options.Duration.TotalMinutes:0.#}; {options.Seed}");
        Row("SIGKILL, SIGTERM, SIGSTOP", $"{Of(Faults.Kill)}, {Of(Faults.Terminate)}, {Of(Faults.Stop)}");
        Row("spells of the receiver; requests that met one", $"{Of(Faults.Receiver)}; {Requests.Values.Sum()}");
        Row("targets gone or restarted; API server away", $"{Of(Faults.Targets)}; {Of(Faults.ApiServer)}");
        Row("disk full, disk frozen; files put into the queue directory or damaged",
            $"{Of(Faults.DiskFull)}, {Of(Faults.DiskFrozen)}; {Litter}");
        Row("good scrapes served to their last byte", $"{Served:N0}");
        Row("of those at the receiver, every sample as served", $"{Arrived:N0}");
        Row("in flight at a SIGKILL or SIGTERM; of those lost", $"{InFlight}; {InFlight - InFlightArrived}");
        Row("in memory for a full or frozen disk when the process ended: lost", $"{LostInMemory}");
        Row("in a file that was damaged: lost", $"{LostDamaged}");
        Row("came after SIDECAR_SCRAPE_TIMEOUT, and told so", $"{TimedOut}");
        Row("**lost otherwise**", $"**{Lost}**");
        Row("failing scrapes; told by an `up` of 0", $"{Failing:N0}; {FailingTold:N0}");
        Row("samples at the receiver; of those a second time", $"{Samples:N0}; {Duplicates:N0}");
        Row("staleness markers; ends of targets", $"{Markers:N0}; {Ends}");
        Row("wrong labels, values, markers, order; other findings",
            $"{Count("labels")}, {Count("value")}, {Count("marker")}, {Count("order")}; {OtherFindings}");
        Row("longest end after SIGTERM, longest answer of the listener", $"{LongestEnd} ms, {LongestAnswer} ms");
        return table.ToString();

        void Row(string name, string value) => table.Append(CultureInfo.InvariantCulture, $"| {name} | {value} |\n");

        int Of(Faults kind) => Spells.GetValueOrDefault(kind);
    }

    private int OtherFindings
    {
        get
        {
            lock (findings)
                return findings.Count(f => f.Kind is not ("labels" or "value" or "marker" or "order" or "lost"));
        }
    }
}
