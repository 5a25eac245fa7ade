using System.Diagnostics;
using System.Globalization;
using Cluster;

namespace Sidecar.Benchmarks;

/// <summary>
/// Writes <c>src/Sidecar/Order.txt</c>: the methods that a running sidecar uses, scrape after scrape, first, then those of the first
/// scrape and of the start. The compiler puts them side by side in that order (see Sidecar.csproj), so that the pages in use are few.
/// </summary>
internal static class OrderCommand
{
    private const string LetsGo = "sidecar_Sidecar_Memory_ProgramPages__Release"; // of the pages that the start has touched

    public static async Task<int> RunAsync(Arguments arguments)
    {
        if (!OperatingSystem.IsLinux() || System.Runtime.InteropServices.RuntimeInformation.ProcessArchitecture
            != System.Runtime.InteropServices.Architecture.X64)
        {
            Console.Error.WriteLine("order needs Linux on x64: it sets breakpoints by ptrace.");
            return 2;
        }
        var output = arguments.Text("output") ?? Path.Combine(SidecarBinary.RepositoryRoot, "src/Sidecar/Order.txt");
        // What is linked already would not be linked again for that option, and with it not for the next one who publishes.
        var linked = Path.Combine(SidecarBinary.RepositoryRoot, "src/Sidecar/obj/Release/net10.0/linux-x64/native");
        DeleteLinked();
        var published = await SidecarBinary.PublishAsync("artifacts/order", null, "-p:StripSymbols=false");
        DeleteLinked();
        if (published is not { } binary)
            return 1;
        var methods = await MethodsAsync(binary);
        using var target = TargetProcess.Start(arguments.Number("samples", 150_000));
        var folder = Directory.CreateTempSubdirectory("order").FullName;
        var steady = new SortedSet<string>(StringComparer.Ordinal);
        var first = new SortedSet<string>(StringComparer.Ordinal);
        var start = new SortedSet<string>(StringComparer.Ordinal);
        Trace(("SIDECAR_REMOTE_WRITE_PROTOCOL", "1.0"));
        Trace(("SIDECAR_REMOTE_WRITE_PROTOCOL", "2.0"), ("SIDECAR_REMOTE_WRITE_URL", target.TlsReceiverUrl),
            ("SIDECAR_REMOTE_WRITE_TLS_CA_FILE", target.CaFile), ("SIDECAR_QUEUE_DIRECTORY", folder));
        Directory.Delete(folder, recursive: true);
        if (steady.Count < 500)
        {
            Console.Error.WriteLine($"Only {steady.Count} methods were met: {output} stays as it was.");
            return 1;
        }
        first.ExceptWith(steady);
        start.ExceptWith(steady);
        start.ExceptWith(first);
        await File.WriteAllLinesAsync(output, [.. steady, .. first, .. start]);
        Console.WriteLine($"""
            | of {methods.Count:N0} methods | methods | kB |
            |---|---|---|
            | used by each scrape | {steady.Count:N0} | {Size(steady):N0} |
            | else by the first scrape | {first.Count:N0} | {Size(first):N0} |
            | else by the start | {start.Count:N0} | {Size(start):N0} |
            | all | {methods.Count:N0} | {Size(methods.Select(m => m.Name)):N0} |

            {output}
            """);
        return 0;

        void Trace(params (string Name, string Value)[] variables)
        {
            const int Interval = 6; // seconds: stopping once at each method takes a while
            var port = SidecarRun.FreePort();
            var environment = SidecarRun.Environment(
                new PeerJob(target.Ports, target.TokenFile, target.CaFile, Interval, target.ReceiverUrl, ""), port);
            foreach (var (name, value) in variables)
                environment[name] = value;
            using var http = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}/") };
            using var trace = new MethodTrace(StartDetached(binary, environment), binary, methods);
            for (var seconds = 0; seconds < 60 && !trace.Hits.Contains(LetsGo); seconds++)
                trace.Run(TimeSpan.FromSeconds(1));
            trace.Run(TimeSpan.FromSeconds(Interval * 3)); // it listens as well
            start.UnionWith(trace.Hits.TakeWhile(n => n != LetsGo));
            first.UnionWith(trace.Hits.SkipWhile(n => n != LetsGo));
            trace.Again();
            for (var scrape = 0; scrape < 4; scrape++)
            {
                var pages = new[] { "metrics", "-/healthy", "-/ready" }.Select(http.GetAsync).ToArray();
                trace.Run(TimeSpan.FromSeconds(Interval));
                Task.WaitAll(pages, TimeSpan.FromSeconds(1));
            }
            steady.UnionWith(trace.Hits);
        }

        void DeleteLinked()
        {
            if (Directory.Exists(linked))
                Directory.Delete(linked, recursive: true);
        }

        double Size(IEnumerable<string> names)
        {
            var wanted = names.ToHashSet();
            return methods.Where(m => wanted.Contains(m.Name)).DistinctBy(m => m.Offset).Sum(m => m.Size) / 1e3;
        }
    }

    /// <summary>
    /// Stopped before it begins, and not as a child of this process: .NET waits for its children, and would take what the kernel tells the
    /// tracer of the first thread.
    /// </summary>
    private static int StartDetached(string binary, Dictionary<string, string> environment)
    {
        var file = Path.GetTempFileName();
        var start = new ProcessStartInfo(
            "setsid", ["--fork", "sh", "-c", "echo $$ > \"$1\"; kill -STOP $$; exec \"$0\" 2>/dev/null", binary, file]);
        start.Environment.Clear();
        start.Environment["PATH"] = Environment.GetEnvironmentVariable("PATH");
        foreach (var (name, value) in environment)
            start.Environment[name] = value;
        using (var setsid = Process.Start(start)!)
            setsid.WaitForExit();
        for (var end = Environment.TickCount64 + 10_000; Environment.TickCount64 < end; Thread.Sleep(10))
        {
            if (!int.TryParse(File.ReadAllText(file), out var process)
                || !File.ReadAllText($"/proc/{process}/stat").Contains(") T ", StringComparison.Ordinal))
                continue;
            File.Delete(file);
            return process;
        }
        throw new InvalidOperationException($"{binary} did not start");
    }

    /// <summary>What the compiler made of managed code. Methods that came out alike share one place.</summary>
    private static async Task<List<TracedMethod>> MethodsAsync(string binary)
    {
        using var nm = Process.Start(new ProcessStartInfo("nm", ["--defined-only", "--numeric-sort", "--print-size", binary])
        {
            RedirectStandardOutput = true,
        })!;
        var methods = new List<TracedMethod>();
        var isManaged = false;
        while (await nm.StandardOutput.ReadLineAsync() is { } line)
        {
            var isEnd = line.EndsWith(" __stop___managedcode", StringComparison.Ordinal);
            isManaged = !isEnd && (isManaged || line.EndsWith(" __start___managedcode", StringComparison.Ordinal));
            if (isManaged && line.Split(' ', 4) is [var at, var size, "t" or "T", var name])
            {
                var offset = long.Parse(at, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
                methods.Add(new TracedMethod(offset, int.Parse(size, NumberStyles.HexNumber, CultureInfo.InvariantCulture), name));
            }
        }
        await nm.WaitForExitAsync();
        return methods;
    }
}

/// <param name="Offset">Bytes from the lowest address at which the program is mapped.</param>
internal readonly record struct TracedMethod(long Offset, int Size, string Name);
