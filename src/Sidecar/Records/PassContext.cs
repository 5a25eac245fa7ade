using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>
/// Everything that a pass changes: buffers, relabeling decisions, automata. Half a megabyte, so few exist, lent to one pass each.
/// </summary>
internal sealed class PassContext
{
    public PassContext(int samplesPerRequest, ReceiverProtocol? protocol = null)
    {
        Reader = new SampleReader(() => Slice.IsOver);
        Encoder = new SeriesEncoder(samplesPerRequest, protocol);
        Body = new BodyWalk(Reader, Encoder);
    }

    public PassSlice Slice { get; } = new();
    public SampleReader Reader { get; }
    public SeriesEncoder Encoder { get; }
    public BodyWalk Body { get; }
}
