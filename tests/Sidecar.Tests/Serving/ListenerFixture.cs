using System.Collections.Immutable;
using System.Net.Sockets;
using System.Text;
using Sidecar.Serving;
using Sidecar.Telemetry;
using Sidecar.Tests.Telemetry;

namespace Sidecar.Tests.Serving;

/// <summary>A listener on loopback whose pages tell what a test sets, and clients of it.</summary>
internal sealed class ListenerFixture : IAsyncDisposable
{
    private readonly HttpClient client = new();
    private readonly LogText logged = new();
    private readonly Listener listener;

    public ListenerFixture() => listener = Start("127.0.0.1:0");

    public Metrics Metrics { get; } =
        new(new Uri("http://receiver/write"), "apiserver", TimeSpan.FromSeconds(15), TimeProvider.System);

    public Log Log => new(logged, LogLevel.Info, LogFormat.Logfmt, TimeProvider.System);

    public string Logged => logged.ToString();

    public InternalErrors Errors => new(Metrics, Log, TimeProvider.System);

    public string Address => listener.Address.ToString();

    public int Port => listener.Address.Port;

    public string? WhyUnhealthy { get; set; }

    public Judgement Judgement { get; set; } = Judged(Found(Condition.NoTargetsKnown, "No targets are known yet."));

    /// <summary>How often the process was judged.</summary>
    public int Judgements { get; private set; }

    public IReadOnlyList<TargetStatus> Targets { get; set; } = [];

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    public static Judgement Judged(params ImmutableArray<Finding> findings) =>
        new(new ProcessFacts { Now = SomeOverview.Now, AreTargetsKnown = false }, findings);

    public static Finding Found(Condition condition, string sentence) => new()
    {
        Condition = condition, Level = Level.Warning, Subject = Subject.Process, Sentence = sentence, Remedy = "none",
    };

    /// <summary>Another listener with the same pages.</summary>
    public Listener Start(string address, HttpLimits? limits = null, TimeProvider? time = null)
    {
        var started = TryStart(address, out var error, limits, time);
        Assert.Equal("", error);
        return started!;
    }

    public Listener? TryStart(string address, out string error, HttpLimits? limits = null, TimeProvider? time = null)
    {
        var sources = new PageSources
        {
            WriteMetrics = Metrics.Write,
            WhyUnhealthy = () => WhyUnhealthy,
            Judge = () =>
            {
                Judgements++;
                return Judgement;
            },
            Targets = () => Targets,
            Overview = () => SomeOverview.With(targets: Targets),
        };
        return Listener.Start(address, sources, Errors, Log, time ?? TimeProvider.System, out error, limits);
    }

    public Task<HttpResponseMessage> Get(string path, string method = "GET") => GetFrom(Address, path, method);

    public Task<HttpResponseMessage> GetFrom(string address, string path, string method = "GET") =>
        client.SendAsync(new HttpRequestMessage(new HttpMethod(method), $"http://{address}{path}"), Cancelled);

    public async Task<Socket> Connect(Listener? to = null)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync((to ?? listener).Address, Cancelled);
        return socket;
    }

    /// <summary>All that comes until the server closes.</summary>
    public static async Task<string> ReadToEnd(Socket socket)
    {
        var all = new MemoryStream();
        var buffer = new byte[4096];
        int n;
        while ((n = await socket.ReceiveAsync(buffer, Cancelled)) > 0)
            all.Write(buffer, 0, n);
        return Encoding.ASCII.GetString(all.ToArray());
    }

    public async Task<string> Talk(string request)
    {
        using var socket = await Connect();
        await socket.SendAsync(Encoding.Latin1.GetBytes(request), Cancelled);
        return await ReadToEnd(socket);
    }

    public async ValueTask DisposeAsync()
    {
        listener.Dispose();
        client.Dispose();
        await logged.DisposeAsync();
    }
}
