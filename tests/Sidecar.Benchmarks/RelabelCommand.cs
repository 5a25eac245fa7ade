using System.IO.Compression;
using Sidecar.Exposition;
using Sidecar.Records;
using Sidecar.Relabeling;
using Sidecar.Requests;

namespace Sidecar.Benchmarks;

/// <summary>What each rule of a set takes away from a body: the table of the README.</summary>
internal static class RelabelCommand
{
    public static int Run(Arguments arguments)
    {
        if (arguments.Text("body") is not { } path)
        {
            Console.Error.WriteLine("relabel: --body names a file of exposition text, gzip or plain");
            return 2;
        }
        var rules = RelabelConfigs.Read(arguments.Text("rules") ?? Presets.ApiServerLean, out var errors);
        foreach (var error in errors)
            Console.Error.WriteLine($"{error.Problem}; {error.Remedy}");
        if (errors.Count > 0)
            return 2;
        var body = Read(path);
        var before = Count(body, RelabelRules.None);
        Console.WriteLine($"| rule | series left | dropped |\n|---|---|---|\n| none | {before:N0} | |");
        for (var i = 1; i <= rules.All.Length; i++)
        {
            var left = Count(body, new RelabelRules(rules.All[..i]));
            var rule = rules.All[i - 1];
            Console.WriteLine($"| {rule.Action.ToString().ToLowerInvariant()} `{rule.Pattern.Text.Replace("|", "\\|")}` | {left:N0} | {before - left:N0} |");
            before = left;
        }
        return 0;
    }

    private static CompressedBody Read(string path)
    {
        var bytes = File.ReadAllBytes(path);
        var body = new CompressedBody();
        using var output = body.OpenWrite();
        if (bytes is [0x1f, 0x8b, ..])
        {
            output.Write(bytes);
            return body;
        }
        using var gzip = new GZipStream(output, CompressionLevel.Fastest);
        gzip.Write(bytes);
        return body;
    }

    private static int Count(CompressedBody body, RelabelRules rules)
    {
        var context = new PassContext(1000);
        context.Encoder.Begin(new TargetLabels([KeyValuePair.Create("job", "apiserver")], [], false,
            SeriesRules.Of(rules, RelabelRules.None)));
        context.Reader.Open(body.OpenRead(), sizeLimit: 0);
        var sent = 0;
        while (context.Reader.Read())
            sent += context.Encoder.Begin(context.Reader.Sample, out _) == SeriesOutcome.Sent ? 1 : 0;
        return sent;
    }
}
