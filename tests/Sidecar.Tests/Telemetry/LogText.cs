using System.Text;

namespace Sidecar.Tests.Telemetry;

/// <summary>Where a log writes to: a test may read it at any moment, also while a thread of the product writes.</summary>
internal sealed class LogText : TextWriter
{
    private readonly Lock gate = new();
    private readonly StringBuilder text = new();

    public override Encoding Encoding => Encoding.UTF8;

    public override void Write(char value)
    {
        lock (gate)
            text.Append(value);
    }

    public override void Write(string? value)
    {
        lock (gate)
            text.Append(value);
    }

    public override string ToString()
    {
        lock (gate)
            return text.ToString();
    }
}
