using Cluster;

return args switch
{
    ["--help" or "-h"] => Usage(),
    [] => await Demo.RunAsync(null),
    ["--duration", var text] when text.EndsWith('s') && double.TryParse(text[..^1], out var seconds) => await Demo.RunAsync(TimeSpan.FromSeconds(seconds)),
    _ => Usage() + 2,
};

static int Usage()
{
    Console.WriteLine("""
        Runs the sidecar against a stand-in cluster: two API servers and a receiver on loopback, until Ctrl-C.

          dotnet run -c Release --project tests/Cluster
          dotnet run -c Release --project tests/Cluster -- --duration 30s
        """);
    return 0;
}
