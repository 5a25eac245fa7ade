
namespace Sidecar.Requests;

/// <summary>Which remote write specification requests follow.</summary>
internal enum WriteProtocol
{
    /// <summary>2.0 until the receiver shows that it lacks it.</summary>
    Auto,
    One,
    Two,
}
