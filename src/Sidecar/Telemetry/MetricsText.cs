using System.Buffers;
using System.Globalization;

namespace Sidecar.Telemetry;

/// <summary>What writes itself as a metric family, or as a part of the family of that name before it.</summary>
internal interface IMetric
{
    void Write(MetricsText text);
}

/// <summary>Writes metric families in Prometheus's text format 0.0.4 (prometheus.io/docs/instrumenting/exposition_formats).</summary>
internal sealed class MetricsText(IBufferWriter<byte> output)
{
    private string family = "";

    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    /// <summary><c># HELP name text</c> and <c># TYPE name type</c>; nothing where the family goes on with more labels.</summary>
    public void Family(string name, string type, string help)
    {
        if (name == family)
            return;
        family = name;
        Append($"# HELP {name} {help.Replace("\\", "\\\\").Replace("\n", "\\n")}\n# TYPE {name} {type}\n");
    }

    /// <summary><c>name{labels} value</c>; the labels come from <see cref="Label"/> joined with commas, or are empty.</summary>
    public void Sample(string name, string labels, double value)
    {
        Append(name);
        if (labels.Length > 0)
            Append($"{{{labels}}}");
        Append($" {Number(value)}\n");
    }

    /// <summary>A family, or a part of one, of one sample.</summary>
    public void Single(string name, string type, string help, double value, string labels = "")
    {
        Family(name, type, help);
        Sample(name, labels, value);
    }

    /// <summary><c>name="value"</c> with backslash, quote and line feed escaped.</summary>
    public static string Label(string name, string value) =>
        $"{name}=\"{value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("\n", "\\n")}\"";

    public static string Join(string labels, string more) => labels.Length == 0 ? more : more.Length == 0 ? labels : $"{labels},{more}";

    /// <summary>A value as text: <c>12</c>, <c>0.25</c>, <c>NaN</c>, <c>+Inf</c>.</summary>
    public static string Number(double value)
    {
        if (double.IsInfinity(value))
            return value > 0 ? "+Inf" : "-Inf";
        return value.ToString("R", CultureInfo.InvariantCulture); // "NaN" included
    }

    private void Append(string text) => Encoding.UTF8.GetBytes(text, output);
}
