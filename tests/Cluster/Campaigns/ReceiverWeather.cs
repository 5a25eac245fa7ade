using Microsoft.AspNetCore.Http;

namespace Cluster.Campaigns;

/// <summary>Spells of a receiver that fails in one way, for some or all of its requests. One series is refused always.</summary>
public sealed class ReceiverWeather
{
    private static readonly string[] Kinds =
        ["refused connections", "resets", "resets in the middle", "cut answers", "500", "503", "429", "499", "slow answers", "hanging"];

    private readonly Receiver receiver;
    private readonly Spells spells;
    private readonly Dictionary<string, int> requests = [];
    private readonly Random dice;
    private string? kind;
    private int percent;

    public ReceiverWeather(Receiver receiver, Spells spells, int seed)
    {
        this.receiver = receiver;
        this.spells = spells;
        dice = new Random(seed);
        receiver.Answer = Answer;
        receiver.Intercept = InterceptAsync;
    }

    /// <summary>Requests that met a fault, by fault.</summary>
    public IReadOnlyDictionary<string, int> Requests
    {
        get
        {
            lock (requests)
                return new SortedDictionary<string, int>(requests);
        }
    }

    /// <summary>One spell; whatever comes, the receiver is well after it.</summary>
    public async Task SpellAsync(Random random, CancellationToken cancellation)
    {
        var chosen = Kinds[random.Next(Kinds.Length)];
        var length = TimeSpan.FromMilliseconds(random.Next(500, 7000));
        percent = random.Next(2) == 0 ? 100 : random.Next(20, 90);
        using var spell = spells.Begin(Faults.Receiver, $"receiver: {chosen}, {(chosen == Kinds[0] ? 100 : percent)} %");
        try
        {
            if (chosen == Kinds[0])
                await receiver.StopAsync();
            Volatile.Write(ref kind, chosen);
            await Task.Delay(length, cancellation);
        }
        finally
        {
            Volatile.Write(ref kind, null);
            if (chosen == Kinds[0])
                await receiver.StartAsync();
        }
    }

    private ReceiverAnswer Answer(ReceivedRequest request)
    {
        if (request.Message.Timeseries.Any(t => t.Labels.Any(l => l is { Name: "__name__", Value: ServedSeries.RefusedName })
            && t.Samples.Any(s => !Receiver.IsMarker(s.Value))))
        {
            Count("400 for a series");
            return new ReceiverAnswer(400, "this series is refused");
        }
        if (Draw() is not { } met)
            return new ReceiverAnswer();
        Count(met);
        return met switch
        {
            "resets" => new ReceiverAnswer { IsReset = true },
            "cut answers" => new ReceiverAnswer { IsReset = true, IsStored = true },
            "500" => new ReceiverAnswer(500, "broken"),
            "503" => new ReceiverAnswer(503, RetryAfter: "1"),
            "429" => new ReceiverAnswer(429),
            "499" => new ReceiverAnswer(499),
            "slow answers" => new ReceiverAnswer { Delay = TimeSpan.FromMilliseconds(Next(50, 1500)) },
            "hanging" => new ReceiverAnswer(500) { Delay = TimeSpan.FromMinutes(1) },
            _ => new ReceiverAnswer(),
        };
    }

    /// <summary>Reads a part of the body and cuts the connection.</summary>
    private async Task<bool> InterceptAsync(HttpContext context)
    {
        if (Volatile.Read(ref kind) != "resets in the middle" || Draw() is null)
            return false;
        Count("resets in the middle");
        _ = await context.Request.Body.ReadAsync(new byte[100], context.RequestAborted);
        context.Abort();
        return true;
    }

    private string? Draw() => Volatile.Read(ref kind) is { } now && Next(0, 100) < percent ? now : null;

    private int Next(int from, int to)
    {
        lock (dice)
            return dice.Next(from, to);
    }

    private void Count(string what)
    {
        lock (requests)
            requests[what] = requests.GetValueOrDefault(what) + 1;
    }
}
