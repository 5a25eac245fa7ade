using System.Globalization;
using Cluster;

var options = new DemoOptions(Duration: null, Binary: null);
for (var i = 0; i < args.Length; i++)
{
    var value = i + 1 < args.Length ? args[i + 1] : "";
    switch (args[i])
    {
        case "--help" or "-h":
            return Usage();
        case "--duration" when value.EndsWith('s')
            && double.TryParse(value[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var seconds) && seconds > 0:
            options = options with { Duration = TimeSpan.FromSeconds(seconds) };
            i++;
            break;
        case "--binary" when File.Exists(value):
            options = options with { Binary = Path.GetFullPath(value) };
            i++;
            break;
        default:
            return Usage() + 2;
    }
}
return await Demo.RunAsync(options);

static int Usage()
{
    Console.WriteLine("""
        Runs the sidecar against a stand-in cluster, two API servers and a receiver on loopback, until Ctrl-C. In two minutes an API server
        goes away and comes back, and so does the receiver; two pages show it live at addresses that are printed.

          dotnet run -c Release --project tests/Cluster
          dotnet run -c Release --project tests/Cluster -- --duration 30s      ends then, and tells the story in that time
          dotnet run -c Release --project tests/Cluster -- --binary FILE       with a sidecar that was published before
        """);
    return 0;
}
