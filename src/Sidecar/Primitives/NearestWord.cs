namespace Sidecar.Primitives;

/// <summary>The word that was most likely meant by one that is not known.</summary>
internal static class NearestWord
{
    /// <summary>Null where none is near enough.</summary>
    public static string? Of(string wanted, ReadOnlySpan<string> candidates)
    {
        var best = default(string);
        var bestDistance = Math.Max(2, wanted.Length / 4) + 1;
        foreach (var candidate in candidates)
        {
            var distance = Distance(wanted, candidate);
            if (distance < bestDistance)
                (best, bestDistance) = (candidate, distance);
        }
        return best;
    }

    /// <summary>Insertions, deletions, replacements and swaps of neighbours from one to the other (optimal string alignment).</summary>
    private static int Distance(ReadOnlySpan<char> a, ReadOnlySpan<char> b)
    {
        var beforeLast = new int[b.Length + 1];
        var last = new int[b.Length + 1];
        var row = new int[b.Length + 1];
        for (var j = 0; j <= b.Length; j++)
            last[j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                row[j] = Math.Min(Math.Min(row[j - 1], last[j]) + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1));
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                    row[j] = Math.Min(row[j], beforeLast[j - 2] + 1);
            }
            (beforeLast, last, row) = (last, row, beforeLast);
        }
        return last[b.Length];
    }
}
