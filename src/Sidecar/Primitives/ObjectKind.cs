namespace Sidecar.Primitives;

/// <summary>Kinds of objects that discovery reads.</summary>
internal enum ObjectKind
{
    EndpointSlice,
    Endpoints,
    Service,
}
