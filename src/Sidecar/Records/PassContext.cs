using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>What a pass changes: buffers, relabeling decisions, automata. Half a megabyte each, so a few are lent to passes.</summary>
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
