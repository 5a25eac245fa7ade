namespace Sidecar.Sending;

/// <summary>Some neighbouring series of a request, by position.</summary>
internal readonly record struct SeriesRange(int From, int To)
{
    public int Count => To - From;

    public (SeriesRange First, SeriesRange Second) Halve() => (this with { To = From + Count / 2 }, this with { From = From + Count / 2 });
}

/// <summary>What the receiver says to a part; null words where it takes it.</summary>
/// <param name="IsSize">It is refused for its size: halves of it may well be taken, although they are refused alike so far.</param>
internal readonly record struct PartAnswer(string? Words, bool IsSize = false)
{
    public bool IsAccepted => Words is null;
}

/// <summary>
/// Finds which series of a refused request the receiver minds, by halving what is refused. Where both halves are refused with the same
/// words, more halving would tell nothing, and all of that part is lost at once. Knows nothing of how a part is posted; belongs to one
/// request.
/// </summary>
/// <param name="count">Series of the request that was refused.</param>
/// <param name="trySpend">Asked before so many requests are made; false: no more are to be made now.</param>
internal sealed class RefusalSearch(int count, Func<int, bool> trySpend)
{
    private readonly Stack<SeriesRange> refused = count > 1 ? new([new SeriesRange(0, count)]) : [];
    private readonly List<SeriesRange> found = count == 1 ? [new SeriesRange(0, 1)] : [];
    private readonly List<SeriesRange> unsearched = [];
    private readonly int mostInVain = Cost(count);
    private (SeriesRange First, SeriesRange Second) halves;
    private PartAnswer ofFirst;
    private Step step = Step.Split;
    private int posted;

    private enum Step
    {
        Split,
        First,
        Second,
    }

    /// <summary>Parts that are lost: single series, and parts of which both halves were refused alike.</summary>
    public IReadOnlyList<SeriesRange> Found => found;

    /// <summary>Parts that are lost because nobody may ask any further.</summary>
    public IReadOnlyList<SeriesRange> Unsearched => unsearched;

    /// <summary>The receiver took some part: what it refuses, it refuses for what is in it.</summary>
    public bool HasAccepted { get; private set; }

    /// <summary>Requests that find one series among so many: two halves a level, so at most 2·log₂(n)+2.</summary>
    public static int Cost(int count)
    {
        var levels = 0;
        while (1L << levels < count)
            levels++;
        return 2 * levels;
    }

    /// <summary>The next part to post, whose answer goes to <see cref="Answer"/>. False when the search is over.</summary>
    public bool TryNext(out SeriesRange part)
    {
        while (step == Step.Split && refused.TryPop(out var whole))
        {
            // A receiver that takes nothing at all is not asked about every series, be its words different each time.
            if ((posted >= mostInVain && !HasAccepted) || !trySpend(2))
            {
                unsearched.Add(whole);
                continue;
            }
            halves = whole.Halve();
            step = Step.First;
        }
        part = step == Step.First ? halves.First : halves.Second;
        return step != Step.Split;
    }

    public void Answer(PartAnswer answer)
    {
        posted++;
        HasAccepted |= answer.IsAccepted;
        if (step == Step.First)
        {
            ofFirst = answer;
            step = Step.Second;
            return;
        }
        step = Step.Split;
        if (!answer.IsAccepted && ofFirst == answer && !answer.IsSize)
        {
            found.Add(halves.First with { To = halves.Second.To });
            return;
        }
        Refuse(halves.Second, answer);
        Refuse(halves.First, ofFirst); // is on top: searched first
    }

    private void Refuse(SeriesRange part, PartAnswer answer)
    {
        if (answer.IsAccepted)
            return;
        if (part.Count == 1)
            found.Add(part);
        else
            refused.Push(part);
    }
}
