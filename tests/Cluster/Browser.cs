using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.WebSockets;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Cluster;

/// <summary>
/// A real headless Chromium, driven over its DevTools protocol (chromedevtools.github.io/devtools-protocol), so that the tests need the
/// distribution's package and nothing else. One tab; what its console says is kept.
/// </summary>
public sealed class Browser : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly Process process;
    private readonly string folder;
    private readonly ClientWebSocket socket = new();
    private readonly ConcurrentDictionary<int, TaskCompletionSource<JsonNode>> answers = new();
    private readonly ConcurrentQueue<string> complaints = [];
    private volatile TaskCompletionSource loaded = new();
    private int lastId;

    private Browser(Process process, string folder)
    {
        this.process = process;
        this.folder = folder;
    }

    /// <summary>The executable of Debian's package <c>chromium</c> or of the like; null where there is none.</summary>
    public static string? Executable { get; } = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Append("/usr/bin")
        .SelectMany(folder => new[] { "chromium", "chromium-browser", "google-chrome" }.Select(name => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Errors and warnings of the console, exceptions, and what a policy refused to load.</summary>
    public IReadOnlyList<string> Complaints => [.. complaints];

    public static async Task<Browser> StartAsync()
    {
        var folder = Directory.CreateTempSubdirectory("chromium").FullName;
        var start = new ProcessStartInfo(Executable!,
        [
            "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--remote-debugging-port=0",
            $"--user-data-dir={folder}", "about:blank",
        ])
        { RedirectStandardError = true, RedirectStandardOutput = true };
        var browser = new Browser(Process.Start(start)!, folder);
        await browser.ConnectAsync();
        return browser;
    }

    /// <summary>Opens a page and waits until it is loaded.</summary>
    public async Task GoAsync(Uri address)
    {
        loaded = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var answer = await CallAsync("Page.navigate", new JsonObject { ["url"] = address.ToString() });
        if ((string?)answer["errorText"] is { } error)
            throw new InvalidOperationException($"{address}: {error}");
        await loaded.Task.WaitAsync(Patience);
    }

    /// <summary>A desktop's window or a phone's, by day or by night.</summary>
    public async Task ShowAsync(int width, int height, bool isDark)
    {
        await CallAsync("Emulation.setDeviceMetricsOverride", new JsonObject
        {
            ["width"] = width, ["height"] = height, ["deviceScaleFactor"] = 2, ["mobile"] = width < 600,
        });
        await CallAsync("Emulation.setEmulatedMedia", new JsonObject
        {
            ["features"] = new JsonArray(new JsonObject { ["name"] = "prefers-color-scheme", ["value"] = isDark ? "dark" : "light" }),
        });
    }

    /// <summary>The value of a JavaScript expression.</summary>
    public async Task<JsonNode?> EvaluateAsync(string expression)
    {
        var answer = await CallAsync("Runtime.evaluate", new JsonObject { ["expression"] = expression, ["returnByValue"] = true });
        if (answer["exceptionDetails"] is { } problem)
            throw new InvalidOperationException(problem.ToJsonString());
        return answer["result"]!["value"];
    }

    public async Task<string> TextAsync(string selector) =>
        (string?)await EvaluateAsync($"document.querySelector({JsonSerializer.Serialize(selector)})?.innerText") ?? "";

    /// <summary>The whole page, also what is below the window, as a PNG.</summary>
    public async Task ScreenshotAsync(string file)
    {
        var size = (await CallAsync("Page.getLayoutMetrics", []))["cssContentSize"]!;
        var answer = await CallAsync("Page.captureScreenshot", new JsonObject
        {
            ["captureBeyondViewport"] = true,
            ["clip"] = new JsonObject
            {
                ["x"] = 0, ["y"] = 0, ["width"] = (double)size["width"]!, ["height"] = (double)size["height"]!, ["scale"] = 1,
            },
        });
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllBytesAsync(file, Convert.FromBase64String((string)answer["data"]!));
    }

    public async ValueTask DisposeAsync()
    {
        if (!process.HasExited)
            process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
        socket.Dispose();
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (IOException)
        {
            // A child of it may be writing still; the folder is a temporary one.
        }
    }

    private async Task ConnectAsync()
    {
        // The port stands on standard error: "DevTools listening on ws://127.0.0.1:NNNNN/devtools/browser/…".
        const string Announcement = "DevTools listening on ";
        using var patience = new CancellationTokenSource(Patience);
        var said = new List<string>();
        while (true)
        {
            var line = await process.StandardError.ReadLineAsync(patience.Token)
                ?? throw new InvalidOperationException($"Chromium ended:\n{string.Join('\n', said)}");
            said.Add(line);
            if (!line.StartsWith(Announcement, StringComparison.Ordinal))
                continue;
            var address = new Uri(line[Announcement.Length..]);
            _ = process.StandardError.ReadToEndAsync(CancellationToken.None); // lest it block on a full pipe
            using var http = new HttpClient();
            var tabs = JsonNode.Parse(await http.GetStringAsync(new Uri($"http://{address.Authority}/json/list"), patience.Token))!;
            var tab = tabs.AsArray().First(t => (string?)t!["type"] == "page")!;
            await socket.ConnectAsync(new Uri((string)tab["webSocketDebuggerUrl"]!), patience.Token);
            break;
        }
        _ = ListenAsync();
        foreach (var domain in (string[])["Page", "Runtime", "Log"])
            await CallAsync($"{domain}.enable", []);
    }

    private async Task<JsonNode> CallAsync(string method, JsonObject parameters)
    {
        var id = Interlocked.Increment(ref lastId);
        var answer = answers[id] = new TaskCompletionSource<JsonNode>(TaskCreationOptions.RunContinuationsAsynchronously);
        var call = JsonSerializer.SerializeToUtf8Bytes(new JsonObject { ["id"] = id, ["method"] = method, ["params"] = parameters });
        await socket.SendAsync(call, WebSocketMessageType.Text, endOfMessage: true, CancellationToken.None);
        return await answer.Task.WaitAsync(Patience);
    }

    private async Task ListenAsync()
    {
        var buffer = new byte[64 * 1024];
        try
        {
            while (true)
            {
                var message = new MemoryStream();
                ValueWebSocketReceiveResult part;
                do
                {
                    part = await socket.ReceiveAsync(buffer.AsMemory(), CancellationToken.None);
                    message.Write(buffer, 0, part.Count);
                }
                while (!part.EndOfMessage);
                if (part.MessageType == WebSocketMessageType.Close)
                    return;
                Take(JsonNode.Parse(message.ToArray())!);
            }
        }
        catch (Exception e) when (e is WebSocketException or ObjectDisposedException or OperationCanceledException)
        {
            foreach (var waiting in answers.Values)
                waiting.TrySetException(new InvalidOperationException("Chromium has gone"));
        }
    }

    private void Take(JsonNode message)
    {
        if ((int?)message["id"] is { } id)
        {
            if (!answers.TryRemove(id, out var waiting))
                return;
            if (message["error"] is { } error)
                waiting.TrySetException(new InvalidOperationException(error.ToJsonString()));
            else
                waiting.TrySetResult(message["result"]!);
            return;
        }
        var detail = message["params"];
        switch ((string?)message["method"])
        {
            case "Page.loadEventFired":
                loaded.TrySetResult();
                break;
            case "Runtime.exceptionThrown":
                complaints.Enqueue(detail!.ToJsonString());
                break;
            case "Runtime.consoleAPICalled" when (string?)detail!["type"] is "error" or "warning" or "assert":
                complaints.Enqueue(detail["args"]!.ToJsonString());
                break;
            case "Log.entryAdded" when (string?)detail!["entry"]!["level"] is "error" or "warning":
                complaints.Enqueue($"{detail["entry"]!["text"]} {detail["entry"]!["url"]}");
                break;
        }
    }
}
