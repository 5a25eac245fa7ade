using System.Buffers.Binary;
using System.IO.Hashing;
using System.Runtime.CompilerServices;
using Sidecar.Exposition;

namespace Sidecar.Requests;

/// <summary>
/// Encodes samples as series of one sample each, into one write request after another. In remote write 1.0 that is
/// <c>WriteRequest { repeated TimeSeries timeseries = 1; }</c> with
/// <c>TimeSeries { repeated Label labels = 1; repeated Sample samples = 2; repeated Exemplar exemplars = 3; repeated Histogram histograms
/// = 4; }</c>; for 2.0 see <see cref="SeriesMessage"/>. Reused; nothing is allocated for a sample.
/// </summary>
internal sealed class SeriesEncoder
{
    private const byte SamplesTag = 2 << 3 | 2;
    private const byte ValueTag = 1 << 3 | 1;
    private const byte TimestampTag = 2 << 3;

    /// <summary>Tag of the series and its length in two bytes, which is what nearly all need.</summary>
    private const int HeaderSize = 3;

    /// <summary>Bytes of the buffer: a part that is compressed when it is full, and the series that goes beyond it.</summary>
    private const int BufferSize = EncodedRequest.PartSize + 16 * 1024;

    /// <summary>A request ends at this size before compression, bytes, whatever the number of its samples.</summary>
    private const int LargestRequest = 4 * 1024 * 1024;

    /// <summary>
    /// Bytes of symbols after which a request ends: they are held as they are. A usual request of 2,000 series has a tenth of a megabyte.
    /// </summary>
    private const int MostSymbols = 256 * 1024;

    /// <summary>Drawn for each process, so that nobody outside can make hashes collide.</summary>
    private static readonly long Seed = Random.Shared.NextInt64();

    private static readonly TargetLabels NoLabels = new([], [], false); // shared by all passes: it never changes

    private readonly int samplesPerRequest;
    private readonly ReceiverProtocol protocol;
    private readonly SeriesMessage message = new(); // of what is not a plain sample of 1.0

    private readonly SeriesPlans plans = new();
    private readonly SeriesPlans relabeledPlans = new();
    private SeriesRelabeling? relabeling;
    private SeriesRelabeling.PlanRules? relabeledRules; // of the series that was begun last
    private string? relabelError;
    private byte[] buffer = new byte[BufferSize];
    private EncodedRequest? request; // the parts that are compressed already
    private int compressed; // bytes in them
    private int length;    // of complete series, behind those
    private int seriesEnd; // of the series that is being made
    private TargetLabels target;
    private WriteVersion version;

    /// <param name="protocol">Tells the version, looked at when a pass begins; null for 1.0.</param>
    public SeriesEncoder(int samplesPerRequest, ReceiverProtocol? protocol = null)
    {
        this.samplesPerRequest = samplesPerRequest;
        this.protocol = protocol ?? new ReceiverProtocol();
        target = NoLabels;
    }

    private int histograms; // of the samples in the request that is being made
    private int exemplars;

    /// <summary>The series that a scrape reports of itself, in the order of <see cref="ReportSeries"/>.</summary>
    public Sample[] Report { get; } = ReportSeries.New();

    /// <summary>Samples in the request that is being made.</summary>
    public int Samples { get; private set; }

    /// <summary>The request is full and must be taken before the next sample.</summary>
    public bool IsFull => Samples >= samplesPerRequest || compressed + length >= LargestRequest || message.Symbols.Size >= MostSymbols;

    /// <summary>Why the series that was begun last fails the scrape.</summary>
    public string Error => relabelError ?? plans.Last?.Error ?? "";

    /// <summary>The labels of the series that was begun last, as Label messages of WriteRequest 1.0; good until the next call.</summary>
    public ReadOnlySpan<byte> BegunLabels => buffer.AsSpan(length + HeaderSize, seriesEnd - length - HeaderSize);

    /// <summary>Begins the series of a target; what was not taken is dropped.</summary>
    public void Begin(TargetLabels labels)
    {
        if (target.Shape != labels.Shape)
        {
            plans.Clear();
            relabeling?.Forget();
        }
        if (target != labels && relabeling is { ReadsTarget: true })
            relabeling.Forget();
        if (target.Rules != labels.Rules)
            relabeling = labels.Rules is null ? null : new SeriesRelabeling(labels.Rules);
        target = labels;
        Drop();
        version = protocol.Current;
        if (buffer.Length > BufferSize)
            buffer = new byte[BufferSize];
    }

    /// <summary>
    /// Writes the labels of the sample's series behind what is there. It counts only with <see cref="Commit"/>; another call overwrites it.
    /// </summary>
    /// <param name="hash">Of all labels as they will be sent: the identity of the series.</param>
    /// <returns>False where the series is not sent, or fails the scrape.</returns>
    public bool TryBegin(Sample sample, out ulong hash) => Begin(sample, out hash) == SeriesOutcome.Sent;

    /// <inheritdoc cref="TryBegin"/>
    /// <param name="isReport">One of the report series, which metric relabeling leaves alone.</param>
    public SeriesOutcome Begin(Sample sample, out ulong hash, bool isReport = false)
    {
        if (relabeling is not null)
            return BeginRelabeled(sample, out hash, isReport);
        return TryWrite(sample, plans.Get(sample, target), target, out hash) ? SeriesOutcome.Sent : SeriesOutcome.Failed;
    }

    private SeriesOutcome BeginRelabeled(Sample sample, out ulong hash, bool isReport)
    {
        hash = 0;
        relabelError = null;
        var name = relabeling!.OfName(sample.Name, target);
        if (name.IsDropped && !isReport)
            return SeriesOutcome.Dropped;
        var plan = plans.Get(sample, target);
        if (plan.Error is not null)
            return SeriesOutcome.Failed;
        var rules = relabeledRules = relabeling.OfPlan(name, plan, target, isReport);
        if (rules.Metric.IsDropped)
            return SeriesOutcome.Dropped;
        if (rules.Folded is { } folded)
            plan = folded;
        var fate = rules.Write.IsDropped ? SeriesOutcome.Unsent : SeriesOutcome.Sent;
        var isChanged = false;
        if (!rules.IsPlain && rules.Folded is null)
            fate = relabeling.Apply(sample, rules, target, out isChanged, out relabelError);
        if (fate is SeriesOutcome.Sent or SeriesOutcome.Unsent)
        {
            var output = relabeling.Output;
            var isWritten = isChanged ? TryWrite(output, relabeledPlans.Get(output, NoLabels), NoLabels, out hash)
                : TryWrite(sample, plan, target, out hash);
            System.Diagnostics.Debug.Assert(isWritten);
        }
        return fate;
    }

    private bool TryWrite(Sample sample, SeriesPlan plan, TargetLabels target, out ulong hash)
    {
        if (plan.Error is not null)
        {
            hash = 0;
            return false;
        }
        var window = sample.Window;
        var scratch = sample.Scratch;
        var labels = sample.Labels;
        var at = length + HeaderSize;
        Reserve(at + plan.FixedSize);
        foreach (ref readonly var step in plan.Steps.AsSpan())
        {
            if (step.NameField is not { } nameField)
            {
                var message = step.Index >= 0 ? target.Message(step.Index).AsSpan() : plan.Constants[~step.Index];
                Reserve(at + message.Length + plan.FixedSize);
                message.CopyTo(buffer.AsSpan(at));
                at += message.Length;
                continue;
            }
            ref readonly var label = ref labels[step.Index];
            var value = label.ValueStart >= 0
                ? window.AsSpan(label.ValueStart, label.ValueLength)
                : scratch.AsSpan(~label.ValueStart, label.ValueLength);
            Reserve(at + value.Length + plan.FixedSize);
            var to = buffer.AsSpan(at);
            to[0] = LabelMessage.LabelsTag;
            var offset = 1 + LabelMessage.WriteVarint(
                to[1..], (uint)(nameField.Length + 1 + LabelMessage.VarintSize((uint)value.Length) + value.Length));
            nameField.CopyTo(to[offset..]);
            offset += nameField.Length;
            to[offset++] = LabelMessage.ValueTag;
            offset += LabelMessage.WriteVarint(to[offset..], (uint)value.Length);
            value.CopyTo(to[offset..]);
            at += offset + value.Length;
        }
        seriesEnd = at;
        hash = XxHash3.HashToUInt64(buffer.AsSpan(length + HeaderSize, at - length - HeaderSize), Seed);
        return true;
    }

    /// <summary>
    /// Which limit the labels of the series that was begun exceed, in words; null for none. External labels do not count.
    /// </summary>
    public string? Exceeded(Sample sample, in LabelLimits limits)
    {
        if (relabeling is not null && relabeledRules is { IsPlain: false } rules)
            return relabeling.Exceeded(sample, rules, target, limits);
        var plan = plans.Last!;
        var count = 0;
        foreach (ref readonly var step in plan.Steps.AsSpan())
            count += step.NameField is not null || step.Index < target.TargetCount ? 1 : 0;
        if (limits.Exceeded(count) is { } tooMany)
            return tooMany;
        foreach (ref readonly var step in plan.Steps.AsSpan())
        {
            var exceeded = step.NameField is not null ? limits.Exceeded(step.Name, sample.LabelValue(step.Index))
                : step.Index < target.TargetCount
                ? limits.Exceeded(target.Name(step.Index).AsSpan(), target.Value(step.Index).AsSpan()) : null;
            if (exceeded is not null)
                return exceeded;
        }
        return null;
    }

    /// <summary>Gives the series that was begun its sample, with all that it brings.</summary>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    public void Commit(Sample sample, long timestamp)
    {
        if (version == WriteVersion.One && !sample.HasHistogram && sample.ExemplarCount == 0)
        {
            Commit(sample.Value, timestamp);
            return;
        }
        if (version == WriteVersion.One)
        {
            var rest = message.WriteRest(sample, timestamp);
            Reserve(seriesEnd + rest.Length + 32);
            rest.CopyTo(buffer.AsSpan(seriesEnd));
            Frame(seriesEnd + rest.Length - length - HeaderSize);
        }
        else
            Frame(message.Write(Labels, sample, timestamp));
        histograms += sample.HasHistogram ? 1 : 0;
        exemplars += sample.ExemplarCount;
        CompressParts();
    }

    /// <summary>Gives the series that was begun its sample: <c>Sample { double value = 1; int64 timestamp = 2; }</c>.</summary>
    /// <param name="timestamp">Milliseconds since the Unix epoch.</param>
    public void Commit(double value, long timestamp)
    {
        if (version == WriteVersion.Two)
        {
            Frame(message.Write(Labels, value, timestamp));
            CompressParts();
            return;
        }
        Reserve(seriesEnd + 32);
        var to = buffer.AsSpan(seriesEnd);
        to[0] = SamplesTag;
        var at = 2;
        var bits = BitConverter.DoubleToUInt64Bits(value);
        if (bits != 0) // proto3 leaves defaults out; minus zero is none
        {
            to[at] = ValueTag;
            BinaryPrimitives.WriteUInt64LittleEndian(to[(at + 1)..], bits);
            at += 9;
        }
        if (timestamp != 0)
        {
            to[at++] = TimestampTag;
            at += LabelMessage.WriteVarint(to[at..], (ulong)timestamp);
        }
        to[1] = (byte)(at - 2);

        Frame(seriesEnd + at - length - HeaderSize);
        CompressParts();
    }

    /// <summary>Of the series that was begun: Label messages of 1.0, each with tag and length.</summary>
    private ReadOnlySpan<byte> Labels => buffer.AsSpan((length + HeaderSize)..seriesEnd);

    /// <summary>Takes a whole message as the series.</summary>
    private void Frame(ReadOnlySpan<byte> series)
    {
        Reserve(length + HeaderSize + series.Length + 8);
        series.CopyTo(buffer.AsSpan(length + HeaderSize));
        Frame(series.Length);
    }

    /// <summary>Puts tag and length in front of a series that stands behind the place for them.</summary>
    private void Frame(int body)
    {
        var size = LabelMessage.VarintSize((uint)body);
        if (size != HeaderSize - 1)
        {
            Reserve(length + 1 + size + body + 8);
            buffer.AsSpan(length + HeaderSize, body).CopyTo(buffer.AsSpan(length + 1 + size));
        }
        buffer[length] = version == WriteVersion.One ? SeriesMessage.FirstTag : SeriesMessage.SecondTag;
        LabelMessage.WriteVarint(buffer.AsSpan(length + 1), (uint)body);
        length += 1 + size + body;
        Samples++;
    }

    /// <summary>Compresses what is left, and begins the next request. Null when there is nothing.</summary>
    public EncodedRequest? Take()
    {
        if (Samples == 0)
            return null;
        var taken = request ?? new EncodedRequest(version);
        request = null;
        if (length > 0)
            taken.Append(buffer.AsSpan(0, length));
        if (version == WriteVersion.Two)
            taken = EncodedRequest.Compress(version, message.Symbols.Field).Join(taken);
        (taken.Samples, taken.Histograms, taken.Exemplars) = (Samples, histograms, exemplars);
        Drop();
        return taken;
    }

    /// <summary>Begins the next request without having made this one.</summary>
    public void Drop()
    {
        request?.Release();
        request = null;
        compressed = length = Samples = histograms = exemplars = 0;
        message.Clear();
    }

    private void CompressParts()
    {
        var done = 0;
        for (; length - done >= EncodedRequest.PartSize; done += EncodedRequest.PartSize)
            (request ??= new EncodedRequest(version)).Append(buffer.AsSpan(done, EncodedRequest.PartSize));
        if (done == 0)
            return;
        buffer.AsSpan(done, length - done).CopyTo(buffer);
        compressed += done;
        length -= done;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Reserve(int size)
    {
        if (size > buffer.Length)
            Grow(size);
    }

    private void Grow(int size) => Array.Resize(ref buffer, Math.Max(size, buffer.Length * 2));
}
