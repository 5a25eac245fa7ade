using System.Globalization;
using System.Text;

namespace Sidecar.Benchmarks;

/// <summary>Horizontal bars as plain SVG, a group for each figure.</summary>
internal static class BarPlot
{
    public static string Draw((string Title, (string Name, double Value)[] Bars)[] groups)
    {
        const int Width = 720;
        const int Left = 190;
        const int Row = 26;
        var svg = new StringBuilder();
        var y = 10;
        foreach (var (title, bars) in groups)
        {
            y += 22;
            svg.Append(CultureInfo.InvariantCulture, $"<text x=\"10\" y=\"{y}\" font-weight=\"bold\">{title}</text>\n");
            y += 10;
            var most = bars.Max(b => b.Value);
            foreach (var (name, value) in bars)
            {
                var length = value / most * (Width - Left - 90);
                svg.Append(CultureInfo.InvariantCulture, $"""
                    <text x="{Left - 8}" y="{y + 15}" text-anchor="end">{name}</text><rect x="{Left}" y="{y}" width="{length:0.#}" height="{Row - 6}" fill="{(name == "sidecar" ? "#2a7de1" : "#9aa5b1")}"/><text x="{Left + length + 6:0.#}" y="{y + 15}">{value.ToString(value >= 100 ? "0" : value >= 10 ? "0.0" : "0.00", CultureInfo.InvariantCulture)}</text>

                    """);
                y += Row;
            }
        }
        return $"""
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {y + 14}" font-family="sans-serif" font-size="13" fill="#333">
            <rect width="100%" height="100%" fill="#fff"/>
            {svg}</svg>

            """;
    }
}
