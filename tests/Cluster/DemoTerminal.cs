using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace Cluster;

/// <summary>
/// What the demo says: the story in lines that stay, what the sidecar logs beneath, and one line of figures that is written over on a
/// terminal and, elsewhere, comes every ten seconds while the story is told, and then every minute.
/// </summary>
internal sealed class DemoTerminal
{
    private static readonly TimeSpan BetweenFigures = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BetweenFiguresAfterwards = TimeSpan.FromMinutes(1);

    private const int LeastWidth = 20;

    private readonly Lock gate = new();
    private readonly long started = Stopwatch.GetTimestamp();
    /// <summary>Where the width is not known, a line that is too long would not be written over.</summary>
    private readonly bool isTerminal = !Console.IsOutputRedirected && Console.WindowWidth > LeastWidth;
    private string figures = "";
    private TimeSpan lastFigures = -BetweenFigures;

    /// <summary>Somebody may press keys.</summary>
    public bool CanAsk { get; } = !Console.IsInputRedirected;

    /// <summary>The story is over, and nothing new is to be told unless somebody presses a key.</summary>
    public bool IsToldOut { get; set; }

    private TimeSpan Elapsed => Stopwatch.GetElapsedTime(started);

    /// <summary>Something that the demo does, or that can be seen by what it did.</summary>
    public void Tell(string sentence) => WriteLine($"{Clock()}  {sentence}");

    /// <summary>One JSON line of the sidecar's log, in few words.</summary>
    public void TellLog(string line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            string? Field(string name) => json.RootElement.TryGetProperty(name, out var value) ? value.ToString() : null;
            var words = new List<string> { Field("msg") ?? line };
            foreach (var name in (string[])["job", "added", "gone", "target", "error", "waiting"])
            {
                if (Field(name) is { } value)
                    words.Add(name is "target" or "error" ? value : $"{name} {value}");
            }
            WriteLine($"          sidecar: {string.Join(" | ", words)}");
        }
        catch (JsonException)
        {
            WriteLine($"          sidecar: {line}");
        }
    }

    /// <summary>The key that was pressed, in lower case; null for none.</summary>
    public char? TryRead() => Console.KeyAvailable ? char.ToLowerInvariant(Console.ReadKey(intercept: true).KeyChar) : null;

    public void Figures(string text)
    {
        lock (gate)
        {
            figures = $"{Clock()}  {text}";
            if (isTerminal)
                Show();
            else if (Elapsed - lastFigures >= (IsToldOut ? BetweenFiguresAfterwards : BetweenFigures))
            {
                lastFigures = Elapsed;
                Console.WriteLine(figures);
            }
        }
    }

    public void WriteLine(string line)
    {
        lock (gate)
        {
            if (isTerminal && figures.Length > 0)
                Console.Write("\r\e[K");
            Console.WriteLine(isTerminal ? Cut(line) : line);
            if (isTerminal && figures.Length > 0)
                Show();
        }
    }

    /// <summary>The line of figures stays where it is.</summary>
    public void EndFigures()
    {
        lock (gate)
        {
            if (isTerminal && figures.Length > 0)
                Console.WriteLine();
            figures = "";
        }
    }

    private void Show() => Console.Write($"\r\e[K\e[2m{Cut(figures)}\e[0m");

    private static string Cut(string line)
    {
        var width = Math.Max(Console.WindowWidth, LeastWidth) - 1;
        return line.Length <= width ? line : line[..(width - 1)] + "…";
    }

    private string Clock() => Elapsed.ToString(@"m\:ss", CultureInfo.InvariantCulture).PadLeft(6);
}
