using System.Globalization;

namespace Sidecar.Benchmarks;

/// <summary>Options of a command: <c>--name number</c>.</summary>
internal sealed class Arguments(string[] arguments)
{
    public int Number(string name, int otherwise)
    {
        var at = Array.IndexOf(arguments, "--" + name);
        return at >= 0 && at + 1 < arguments.Length ? int.Parse(arguments[at + 1], CultureInfo.InvariantCulture) : otherwise;
    }
}
