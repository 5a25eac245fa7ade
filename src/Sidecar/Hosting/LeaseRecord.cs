using System.Buffers;
using System.Text.Json;
using Sidecar.Discovery;

namespace Sidecar.Hosting;

/// <summary>A Lease (<c>coordination.k8s.io/v1</c>). Its times are the writer's and are only compared with earlier ones.</summary>
/// <param name="Version">The object's <c>resourceVersion</c>: a change goes through only where it is still this one.</param>
/// <param name="Holder">Empty for nobody.</param>
internal sealed record LeaseRecord(
    string Version, string Holder, TimeSpan Duration, string? AcquireTime, string? RenewTime, int Transitions)
{
    /// <summary>Whether another one was written meanwhile, other parts of the object aside.</summary>
    public bool IsSameTerm(LeaseRecord? other) => this with { Version = "" } == (other is null ? null : other with { Version = "" });

    /// <exception cref="FormatException">It is no Lease.</exception>
    public static LeaseRecord Read(ReadOnlyMemory<byte> json) => JsonFields.Read(json, static lease =>
    {
        var spec = lease.Object("spec");
        if (lease.Text("kind") != "Lease" || lease.Object("metadata").FilledText("resourceVersion") is not { } version)
            throw new FormatException("it is no Lease with a resourceVersion");
        return new LeaseRecord(version, spec.Text("holderIdentity") ?? "",
            TimeSpan.FromSeconds(Math.Clamp(spec.Number("leaseDurationSeconds") ?? 1, 1, 3600)),
            spec.Text("acquireTime"), spec.Text("renewTime"), spec.Number("leaseTransitions") ?? 0);
    });

    /// <summary>The whole object to create, or what changes of it: a merge patch, which leaves labels and annotations alone.</summary>
    public ReadOnlyMemory<byte> Write(string ns, string name)
    {
        var output = new ArrayBufferWriter<byte>(512);
        using (var json = new Utf8JsonWriter(output))
        {
            json.WriteStartObject();
            json.WriteString("apiVersion"u8, "coordination.k8s.io/v1"u8);
            json.WriteString("kind"u8, "Lease"u8);
            json.WriteStartObject("metadata"u8);
            json.WriteString("namespace"u8, ns);
            json.WriteString("name"u8, name);
            if (Version.Length > 0)
                json.WriteString("resourceVersion"u8, Version);
            json.WriteEndObject();
            json.WriteStartObject("spec"u8);
            json.WriteString("holderIdentity"u8, Holder);
            json.WriteNumber("leaseDurationSeconds"u8, Math.Max(1, (int)Math.Ceiling(Duration.TotalSeconds)));
            json.WriteString("acquireTime"u8, AcquireTime);
            json.WriteString("renewTime"u8, RenewTime);
            json.WriteNumber("leaseTransitions"u8, Transitions);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return output.WrittenMemory;
    }
}
