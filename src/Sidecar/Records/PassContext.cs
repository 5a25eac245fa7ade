using Sidecar.Exposition;
using Sidecar.Requests;

namespace Sidecar.Records;

/// <summary>
/// What one pass over a body changes: buffers, decisions on relabeling, automata. About half a megabyte, so there are few of them and they
/// are lent; a pass has one for itself from its beginning to its end.
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
