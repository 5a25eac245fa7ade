namespace Sidecar.Operation.Pages;

/// <summary>What the plots show.</summary>
internal enum Course
{
    /// <summary>Samples that the receiver accepted, a second.</summary>
    Samples,
    /// <summary>Bytes of the requests that it accepted, a second.</summary>
    Bytes,
    /// <summary>Resident bytes of the process.</summary>
    Memory,
    /// <summary>Processor cores in use.</summary>
    Cores,
}

/// <summary>The last hour in a fixed ring of 2 KB: a point every half minute, no more and nothing else.</summary>
internal sealed class History : IDisposable
{
    public const int Points = 120;

    public static readonly TimeSpan Step = TimeSpan.FromSeconds(30);

    private const int Courses = 4;

    private readonly float[] ring = new float[Points * Courses];
    private readonly Metrics metrics;
    private readonly TimeProvider time;
    private readonly Lock gate = new();
    private readonly ITimer timer;
    private int count;
    private int next;
    private long lastTick;
    private long lastSamples;
    private long lastBytes;
    private TimeSpan lastCpu;

    public History(Metrics metrics, TimeProvider time)
    {
        this.metrics = metrics;
        this.time = time;
        lastTick = time.GetTimestamp();
        lastCpu = ProcessMetrics.CpuTime;
        timer = time.CreateTimer(_ => Tick(), null, Step, Step);
    }

    /// <summary>Copies one course, oldest first; returns how many points there are.</summary>
    /// <param name="course">Which.</param>
    /// <param name="points">Room for <see cref="Points"/>.</param>
    public int Read(Course course, Span<float> points)
    {
        lock (gate)
        {
            for (var i = 0; i < count; i++)
                points[i] = ring[(next - count + i + Points) % Points * Courses + (int)course];
            return count;
        }
    }

    public void Dispose() => timer.Dispose();

    private void Tick()
    {
        lock (gate)
        {
            var now = time.GetTimestamp();
            var seconds = time.GetElapsedTime(lastTick, now).TotalSeconds;
            if (seconds <= 0)
                return; // two ticks at once, after a machine slept
            var (samples, bytes, cpu) = (metrics.SamplesAccepted.Value, metrics.BytesAccepted.Value, ProcessMetrics.CpuTime);
            var point = ring.AsSpan(next * Courses, Courses);
            point[(int)Course.Samples] = (float)((samples - lastSamples) / seconds);
            point[(int)Course.Bytes] = (float)((bytes - lastBytes) / seconds);
            point[(int)Course.Memory] = ProcessMetrics.ResidentBytes;
            point[(int)Course.Cores] = (float)((cpu - lastCpu).TotalSeconds / seconds);
            (lastTick, lastSamples, lastBytes, lastCpu) = (now, samples, bytes, cpu);
            next = (next + 1) % Points;
            count = Math.Min(count + 1, Points);
        }
    }
}
