using System.Globalization;
using Cluster;

var options = new DemoOptions(Duration: null, Story: TimeSpan.FromMinutes(2), Binary: null);
for (var i = 0; i < args.Length; i++)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    switch (args[i])
    {
        case "--help" or "-h":
            return Usage();
        case "--duration" when Seconds(value) is { } duration:
            options = options with { Duration = duration };
            i++;
            break;
        case "--story" when Seconds(value) is { } story:
            options = options with { Story = story };
            i++;
            break;
        case "--binary" when File.Exists(value):
            options = options with { Binary = Path.GetFullPath(value) };
            i++;
            break;
        case "--control-plane":
            options = options with { HasControlPlane = true };
            break;
        default:
            return Usage() + 2;
    }
}
return await Demo.RunAsync(options);

static TimeSpan? Seconds(string text) =>
    text.EndsWith('s') && double.TryParse(text[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds > 0
        ? TimeSpan.FromSeconds(seconds)
        : null;

static int Usage()
{
    Console.WriteLine("""
        Runs the sidecar against a stand-in cluster, two API servers and a receiver on loopback, until Ctrl-C. In two minutes an API server
        goes away and comes back, and so does the receiver; two pages show it live at addresses that are printed.

          dotnet run -c Release --project tests/Cluster
          dotnet run -c Release --project tests/Cluster -- --duration 30s      ends then, and tells the story in that time
          dotnet run -c Release --project tests/Cluster -- --story 40s         tells it in that time, and goes on
          dotnet run -c Release --project tests/Cluster -- --control-plane     with a controller manager, a scheduler and an etcd too
          dotnet run -c Release --project tests/Cluster -- --binary FILE       with a sidecar that was published before
        """);
    return 0;
}
