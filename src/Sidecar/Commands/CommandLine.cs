using Sidecar.Configuration;
using Sidecar.Hosting;
using Sidecar.Primitives;
using Sidecar.Telemetry;

namespace Sidecar.Commands;

/// <summary>The commands, which look and change nothing.</summary>
internal static class CommandLine
{
    /// <summary>How each command is called, and what it does. The README has the same table.</summary>
    public static readonly (string Usage, string Does)[] All =
    [
        ("sidecar", "finds targets, scrapes and sends until SIGTERM or SIGINT; "
            + "then sends what is queued for at most `SIDECAR_SHUTDOWN_TIMEOUT`"),
        ("sidecar check", "walks the whole way once, from configuration to receiver, asks the process that runs beside it, and says what "
            + "fails, why, and what to do; "
            + "`--send` sends one sample too, `--wait 5m` tries until all is well, `--output json` is for scripts"),
        ("sidecar scrape", "scrapes once and prints what would be sent, after relabeling, in text format; nothing is sent"),
        ("sidecar top [N]", "scrapes once and prints the N metrics that cost most (10), and rules that would save most"),
        ("sidecar config", "prints the configuration in effect, one variable a line with its source, secrets redacted; "
            + "`--prometheus`: the same as a prometheus.yml"),
        ("sidecar help", "prints commands, exit codes, and all variables with defaults and meaning; `sidecar help NAME` what there is to know "
            + "of one variable or command"),
        ("sidecar version", "prints the version"),
    ];

    public static readonly (string Command, string Option, string Does)[] Options =
    [
        ("check", "--send", $"sends one sample of the series {ReceiverProbe.SeriesName}, instead of an empty request"),
        ("check", "--wait DURATION", "looks again until all is well, for at most so long (30s, 5m)"),
        ("check", "--output json", "prints one JSON object instead of lines; its key ok is true where no step has failed"),
        ("top", "N", "shows so many metrics, 1 to 1000"),
        ("config", "--prometheus", "prints a prometheus.yml for agent mode"),
    ];

    public static string[] Names => [.. All.Select(c => c.Usage.Split(' ')).Where(w => w.Length > 1).Select(w => w[1])];

    /// <summary>A pod's environment is not there where somebody only wants to look: a receiver is not needed for that.</summary>
    private const string NoReceiver = "http://localhost/";

    /// <returns>The exit code.</returns>
    public static async Task<int> RunAsync(
        string[] arguments, IReadOnlyDictionary<string, string?> environment, CommandOutput output, TimeProvider time,
        CancellationToken cancellation)
    {
        switch (arguments)
        {
            case ["config"]:
                return PrintConfiguration((text, read) => EffectiveConfiguration.Write(text, read.Settings));
            case ["config", "--prometheus"]:
                return PrintConfiguration((text, read) => new PrometheusConfig(read.Options!, environment).Write(text));
            case ["version" or "--version"]:
                return Print(text => text.WriteLine($"sidecar {Metrics.Version}"));
            case ["help" or "--help" or "-h"]:
                return Print(Help.Write);
            case ["help", var topic]:
                return Explain(topic);
            case [var topic, "--help" or "-h"]:
                return Explain(topic);
            case ["check", .. var flags]:
                return await CheckAsync(flags);
            case ["scrape"]:
                return await LookAsync(options => ScrapeCommand.RunAsync(options, output, time, cancellation));
            case ["top"] or ["top", _]:
                var number = arguments.Length > 1 ? arguments[1] : TopCommand.UsualCount;
                if (!int.TryParse(number, out var count) || count is < 1 or > 1000)
                {
                    output.Errors.WriteLine($"sidecar top: '{number}' is no number of metrics (1 to 1000)");
                    return ExitCode.BadConfiguration;
                }
                return await LookAsync(options => TopCommand.RunAsync(options, count, environment, output, time, cancellation));
            default:
                var name = arguments[0];
                var nearest = NearestWord.Of(name, Names);
                output.Errors.WriteLine(Names.Contains(name)
                    ? $"sidecar {name}: there is no option '{arguments[1]}'; 'sidecar help {name}' shows what it takes"
                    : $"sidecar: unknown command '{name}'; "
                        + (nearest is null ? "'sidecar help' lists the commands" : $"did you mean '{nearest}'?"));
                return ExitCode.BadConfiguration;
        }

        async Task<int> CheckAsync(string[] flags)
        {
            var (sends, isJson, wait) = (false, false, TimeSpan.Zero);
            for (var i = 0; i < flags.Length; i++)
            {
                var (name, value) = flags[i].Split('=', 2) is [var before, var after] ? (before, after) : (flags[i], null);
                if (value is null && name is "--output" or "--wait")
                    value = i + 1 < flags.Length ? flags[++i] : "";
                if (name == "--send" && value is null)
                    sends = true;
                else if (name == "--output" && value is "json" or "text")
                    isJson = value == "json";
                else if (name == "--wait" && Durations.Parse(value!) is { Problem: null, Value: var duration })
                    wait = duration;
                else
                {
                    output.Errors.WriteLine("sidecar check: " + name switch
                    {
                        "--output" => $"'--output' knows json and text, and not '{value}'",
                        "--wait" => $"'--wait' takes a duration like 30s or 5m, and not '{value}'",
                        "--send" => "'--send' takes no value",
                        _ => $"there is no option '{name}'; 'sidecar help check' shows what it takes",
                    });
                    return ExitCode.BadConfiguration;
                }
            }
            return await CheckCommand.WaitAsync(OptionsReader.Read(environment), output, isJson, sends, wait, time, cancellation);
        }

        async Task<int> LookAsync(Func<Options, Task<bool>> run)
        {
            var variables = new Dictionary<string, string?>(environment);
            if (string.IsNullOrWhiteSpace(variables.GetValueOrDefault(Variables.RemoteWriteUrl.Name)))
                variables[Variables.RemoteWriteUrl.Name] = NoReceiver;
            var configuration = OptionsReader.Read(variables);
            configuration.WriteErrors(output.Errors);
            return configuration.Options is not { } options ? ExitCode.BadConfiguration
                : await run(options) ? ExitCode.Done : ExitCode.Failed;
        }

        int Explain(string topic)
        {
            using var text = output.Text();
            return Help.Write(text, output.Errors, topic);
        }

        int PrintConfiguration(Action<TextWriter, ConfigurationResult> print)
        {
            var configuration = OptionsReader.Read(environment);
            configuration.WriteErrors(output.Errors);
            return configuration.Options is null ? ExitCode.BadConfiguration : Print(text => print(text, configuration));
        }

        int Print(Action<TextWriter> print)
        {
            using var text = output.Text();
            print(text);
            return ExitCode.Done;
        }
    }
}
