using System.Globalization;
using System.IO.Compression;
using System.Text;
using Cluster;
using Sidecar.Exposition;
using Sidecar.Requests;
using Sidecar.Scraping;

namespace Sidecar.Benchmarks;

/// <summary>
/// What each step of the pass over a body costs, in processor time of the process, the best of many tries: other work on the machine counts
/// little. Beside them the floors: to inflate it, and to inflate it beside the body before it and compare the two line by line.
/// </summary>
internal static class StagesCommand
{
    private const int Tries = 25;

    public static int Run(Arguments arguments)
    {
        var text = arguments.Text("body") is { } file ? Text(file) : Generated(arguments.Number("samples", 150_000));
        var samples = text.Split('\n').Count(l => l.Length > 0 && l[0] != '#');
        Console.WriteLine($"{samples:N0} samples, ns of processor time each, just-in-time compiled, {DateTime.UtcNow:yyyy-MM-dd}\n");
        Console.WriteLine("| step | ns |\n|---|---|");
        var body = Gzip(text);
        Measure("inflate", () => Inflate(body));
        foreach (var percent in new[] { 0, 1, 5 })
        {
            var next = Gzip(Next(text, percent));
            Measure($"inflate two bodies, compare each line up to its value, read the number; {percent} % of the lines differ",
                () => Compare(body, next));
        }
        using var reader = new SampleReader();
        using var table = new SeriesTable();
        foreach (var version in new[] { WriteProtocol.One, WriteProtocol.Two })
        {
            var encoder = new SeriesEncoder(2000, new ReceiverProtocol(version));
            var bytes = 0L; // of the requests of one pass
            if (version == WriteProtocol.One)
            {
                Measure("inflate and parse", () => Pass(1));
                Measure("… and find the labels, and hash them", () => Pass(2));
                Measure("… and look up the series", () => Pass(3));
            }
            Measure($"… and encode and compress, remote write {(version == WriteProtocol.One ? "1.0" : "2.0")}", () => Pass(4));
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| (bytes a sample) | {(double)bytes / samples:0.0} |"));

            void Pass(int steps)
            {
                bytes = 0;
                encoder.Begin(Target);
                table.ClearSeen();
                reader.Open(body.OpenRead(), sizeLimit: 0);
                while (reader.Read())
                {
                    if (steps < 2 || !encoder.TryBegin(reader.Sample, out var hash) || steps < 3)
                        continue;
                    table.Add(hash);
                    if (steps < 4)
                        continue;
                    encoder.Commit(reader.Sample, 1_800_000_000_000);
                    if (encoder.IsFull)
                        Count(encoder.Take()!);
                }
                if (encoder.Take() is { } last)
                    Count(last);
                table.RemoveUnseen();
            }

            void Count(EncodedRequest request)
            {
                bytes += request.Length;
                request.Release();
            }
        }
        return 0;

        void Measure(string what, Action step)
        {
            var best = TimeSpan.MaxValue;
            for (var i = 0; i < Tries; i++)
            {
                var begun = Environment.CpuUsage.TotalTime;
                step();
                var took = Environment.CpuUsage.TotalTime - begun;
                best = took < best ? took : best;
            }
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"| {what} | {best.TotalNanoseconds / samples:0} |"));
        }
    }

    private static readonly TargetLabels Target =
        new([KeyValuePair.Create("instance", "10.0.0.1:6443"), KeyValuePair.Create("job", "apiserver")], [], honorLabels: false);

    private static string Text(string file)
    {
        using var stream = File.OpenRead(file);
        using var reader = new StreamReader(file.EndsWith(".gz", StringComparison.Ordinal)
            ? new GZipStream(stream, CompressionMode.Decompress) : stream);
        return reader.ReadToEnd();
    }

    private static string Generated(int samples)
    {
        using var reader = new StreamReader(new GZipStream(
            new MemoryStream(new ApiServerPayload(seed: 1).Gzip(samples, scrapeIndex: 1)), CompressionMode.Decompress));
        return reader.ReadToEnd();
    }

    /// <summary>The same series with other values; of some, a label has changed.</summary>
    private static string Next(string text, int percent)
    {
        var random = new Random(2);
        var next = new StringBuilder(text.Length);
        foreach (var line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            var (at, quote) = (line.LastIndexOf(' '), line.IndexOf("=\"", StringComparison.Ordinal));
            if (line[0] == '#')
                next.Append(line);
            else
            {
                var head = quote > 0 && random.Next(100) < percent ? line[..at].Insert(quote + 2, "x") : line[..at];
                next.Append(head).Append(' ');
                if (long.TryParse(line.AsSpan(at + 1), CultureInfo.InvariantCulture, out var number) && number > 0)
                    next.Append(number + random.Next(100));
                else
                    next.Append(line.AsSpan(at + 1));
            }
            next.Append('\n');
        }
        return next.ToString();
    }

    private static CompressedBody Gzip(string text)
    {
        var body = new CompressedBody();
        using var gzip = new GZipStream(body.OpenWrite(), CompressionLevel.Optimal);
        gzip.Write(Encoding.UTF8.GetBytes(text));
        return body;
    }

    private static void Inflate(CompressedBody body)
    {
        using var lines = new Lines(body);
        while (lines.Fill())
            lines.Skip();
    }

    private static void Compare(CompressedBody before, CompressedBody body)
    {
        using var one = new Lines(before);
        using var other = new Lines(body);
        var sum = 0.0;
        while (true)
        {
            var old = one.Next();
            var line = other.Next();
            if (line.IsEmpty)
                break;
            var value = line.LastIndexOf((byte)' ') + 1;
            if (line[0] == (byte)'#' || old.Length <= value || !old[..value].SequenceEqual(line[..value]))
                continue;
            if (FloatText.TryParse(line[value..], out var number))
                sum += number;
        }
        GC.KeepAlive(sum);
    }

    private sealed class Lines(CompressedBody body) : IDisposable
    {
        private readonly GZipStream gzip = new(body.OpenRead(), CompressionMode.Decompress);
        private readonly byte[] window = new byte[64 * 1024];
        private int start;
        private int end;

        public ReadOnlySpan<byte> Next()
        {
            while (true)
            {
                var length = window.AsSpan(start, end - start).IndexOf((byte)'\n');
                if (length >= 0)
                {
                    start += length + 1;
                    return window.AsSpan(start - length - 1, length);
                }
                if (!Fill())
                    return default;
            }
        }

        public bool Fill()
        {
            window.AsSpan(start, end - start).CopyTo(window);
            (start, end) = (0, end - start);
            var read = gzip.Read(window, end, window.Length - end);
            end += read;
            return read > 0;
        }

        public void Skip() => start = end;

        public void Dispose() => gzip.Dispose();
    }
}
