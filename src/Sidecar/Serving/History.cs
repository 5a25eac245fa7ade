using Sidecar.Telemetry;

namespace Sidecar.Serving;

/// <summary>What the plots show.</summary>
internal enum HistorySeries
{
    Samples,
    /// <summary>Bytes of the requests that it accepted, a second.</summary>
    Bytes,
    /// <summary>Resident bytes of the process.</summary>
    Memory,
    Cores,
}

/// <summary>The last hour in a ring of 2 KB. When it is full, pairs of points merge and the step doubles, up to the hour's.</summary>
internal sealed class History : IDisposable
{
    public const int Points = 120;

    private static readonly TimeSpan LongestStep = TimeSpan.FromHours(1) / Points;

    /// <summary>How far the figure of now reaches back, so that it does not jump with every scrape.</summary>
    private static readonly TimeSpan Recent = TimeSpan.FromSeconds(30);

    private const int SeriesCount = 4;

    private readonly float[] ring = new float[Points * SeriesCount];
    private readonly Metrics metrics;
    private readonly InternalErrors errors;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly ITimer timer;
    private int count;
    private int next;
    private long lastTick;
    private long lastSamples;
    private long lastBytes;
    private TimeSpan lastCpu;
    private TimeSpan step = LongestStep;

    /// <param name="scrapeInterval">No step is shorter: between two scrapes there is nothing to see.</param>
    public History(Metrics metrics, TimeSpan scrapeInterval, InternalErrors errors, TimeProvider time)
    {
        (this.metrics, this.errors, this.time) = (metrics, errors, time);
        while (step / 2 >= scrapeInterval && step > TimeSpan.FromSeconds(2))
            step /= 2;
        lastTick = time.GetTimestamp();
        lastCpu = ProcessMetrics.CpuTime;
        timer = time.CreateTimer(_ => TickSafely(), null, step, step);
    }

    public TimeSpan Step { get { lock (gate) return step; } }

    /// <summary>Copies one series, oldest first; returns how many points there are.</summary>
    /// <param name="points">Room for <see cref="Points"/>.</param>
    public int Read(HistorySeries series, Span<float> points)
    {
        lock (gate)
        {
            for (var i = 0; i < count; i++)
                points[i] = ring[(next - count + i + Points) % Points * SeriesCount + (int)series];
            return count;
        }
    }

    /// <summary>The mean of the last half minute's points.</summary>
    public float Now(ReadOnlySpan<float> points)
    {
        var recent = points[^Math.Min(points.Length, Math.Max(1, (int)(Recent / Step)))..];
        var sum = 0f;
        foreach (var point in recent)
            sum += point;
        return sum / recent.Length;
    }

    public void Dispose() => timer.Dispose();

    /// <summary>The edge: the next point comes with the next tick, and an exception in a timer would end the process.</summary>
    private void TickSafely()
    {
        try
        {
            Tick();
        }
        catch (Exception e)
        {
            errors.Report(ProcessLoop.History, e);
        }
    }

    private void Tick()
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            var seconds = time.GetElapsedTime(lastTick, now).TotalSeconds;
            if (seconds <= 0)
                return; // two ticks at once, after a machine slept
            var (samples, bytes, cpu) = (metrics.SamplesAccepted.Value, metrics.BytesAccepted.Value, ProcessMetrics.CpuTime);
            var point = ring.AsSpan(next * SeriesCount, SeriesCount);
            point[(int)HistorySeries.Samples] = (float)((samples - lastSamples) / seconds);
            point[(int)HistorySeries.Bytes] = (float)((bytes - lastBytes) / seconds);
            point[(int)HistorySeries.Memory] = ProcessMetrics.ResidentBytes;
            point[(int)HistorySeries.Cores] = (float)((cpu - lastCpu).TotalSeconds / seconds);
            (lastTick, lastSamples, lastBytes, lastCpu) = (now, samples, bytes, cpu);
            next = (next + 1) % Points;
            count = Math.Min(count + 1, Points);
            if (count == Points && step < LongestStep)
                Halve();
        }
    }

    /// <summary>A ring of long steps is never halved, so a full one to be halved begins at its first point.</summary>
    private void Halve()
    {
        for (var i = 0; i < ring.Length / 2; i++)
        {
            var pair = i / SeriesCount * 2 * SeriesCount + i % SeriesCount;
            ring[i] = (ring[pair] + ring[pair + SeriesCount]) / 2;
        }
        next = count = Points / 2;
        step *= 2;
        timer.Change(step, step);
    }
}
