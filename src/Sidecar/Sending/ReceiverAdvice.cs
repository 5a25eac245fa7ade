using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Requests;

namespace Sidecar.Sending;

/// <summary>The likely cause of what a receiver answers, and what to do: the same in log, page and <c>check</c>.</summary>
internal static class ReceiverAdvice
{
    /// <summary>What Prometheus, Mimir, Thanos and VictoriaMetrics say of samples that come too late.</summary>
    private static readonly string[] OutOfOrderWords = ["out of order", "out-of-order", "out of bounds", "too old", "too far behind",
        "duplicate sample"];

    /// <param name="url">Where writes go.</param>
    /// <param name="status">0 where there was no answer.</param>
    /// <param name="version">That the request was made in.</param>
    /// <param name="isEmpty">A request without samples was refused.</param>
    /// <param name="location">Where it redirects to; null where it does not, or that is not known.</param>
    /// <param name="serverName">The name to verify that is set; null where none is.</param>
    public static AdviceText For(Uri url, int status, Failure failure, WriteVersion version, bool isEmpty = false, Uri? location = null,
        string? serverName = null)
    {
        var words = failure.Message;
        if (status is 404 or 405 && words.Contains("enable-remote-write-receiver", StringComparison.Ordinal))
            return new("this Prometheus takes no writes", "start it with --web.enable-remote-write-receiver");
        var variable = Variables.RemoteWriteUrl.Name;
        if (status is 400 && ReceiverWords.IsWrongPath(status, words))
            return new("VictoriaMetrics has no such path", $"set {variable}={WriteUrls.OfVictoriaMetrics(url)}");
        if (ReceiverWords.IsWrongPath(status, words))
            return new("the path of the URL is wrong: nothing takes writes there", $"set {variable} to one of {WriteUrls.Of(url)}");
        if (failure.Reason == FailureReason.ContentType)
            return new("a login page or a console answers there, and takes no samples",
                $"set {variable} to where the receiver takes writes, such as {WriteUrls.Of(url)}");
        if (location is not null && location.Host == url.Host)
            return new($"it redirects to {Failures.Show(location)}, which a write does not follow",
                $"set {variable}={Failures.Show(location)}");
        if (location is not null)
            return new($"it redirects to {Failures.Show(location)}: a login page or a proxy is in between",
                $"set {variable} to that if the receiver is there; else let the proxy pass writes on");
        if (failure.Reason == FailureReason.HttpOnHttpsPort)
            return Advice.For(CheckPeer.Receiver, failure);
        if (status is 400 && IsOutOfOrder(words))
            return new("the receiver has newer samples of this series: another sidecar sends it too, or a clock was ahead",
                $"give each sidecar a label of its own ({Variables.ExternalLabels.Name}=replica=a), and compare the clocks");
        if (status is 403 && words.Contains("embedded tsdb", StringComparison.OrdinalIgnoreCase))
            return new("Nightingale's embedded database by default takes writes from its own host alone",
                $"set {variable}={Failures.Show(new Uri(url, "/prometheus/v1/write"))}, or its EmbeddedTSDB.BasicAuthUser and …Pass and the same "
                    + "here as SIDECAR_REMOTE_WRITE_BASIC_AUTH_…");
        return status switch
        {
            400 when isEmpty => new("the receiver refuses a request without samples, as some do, or wants a tenant",
                $"try --send; a tenant is set by {Variables.RemoteWriteHeaders.Name}=X-Scope-OrgID=…"),
            400 or 422 => new("the receiver does not take this sample; its own words are above",
                $"look at the receiver's log and limits, or drop such series by {Variables.WriteRelabelConfigs.Name}"),
            401 => new("the receiver wants credentials, or others", $"look at {CheckPeer.Receiver.Credentials}"),
            403 => new("the credentials are known and may not write, or the tenant is wrong",
                $"look at {CheckPeer.Receiver.Credentials}, and at {Variables.RemoteWriteHeaders.Name}"),
            413 => new("requests are larger than it takes", $"lower {Variables.RemoteWriteMaxSamplesPerSend.Name}, or raise its limit"),
            415 => new($"the receiver does not speak remote write {(version == WriteVersion.One ? "1.0" : "2.0")}",
                $"look at its version, at {Variables.RemoteWriteUrl.Name} and at {Variables.RemoteWriteProtocol.Name}"),
            499 => new("Nightingale's queues are full: the database behind it takes less than comes in; requests are tried again",
                $"raise QueueMaxSize of [Pushgw.WriterOpt] in its configuration, or lower {Variables.RemoteWriteConcurrency.Name}; look at the "
                    + "database behind it"),
            429 => new("the receiver is overloaded, or limits what it takes; requests are tried again",
                "raise its limits, or send less ('sidecar top')"),
            >= 500 => new("the receiver has trouble of its own; requests are tried again", "look at the receiver's log"),
            _ => Advice.For(CheckPeer.Receiver, failure, serverName),
        };
    }

    /// <summary>Of Nightingale's path that passes writes on and accepts whatever the database behind it answers.</summary>
    public static AdviceText OfSilence(WriteProtocol protocol) => new(
        "Nightingale passes writes on there, and answers 200 whatever the database behind it says: "
            + (protocol == WriteProtocol.Two ? "nobody says whether it was written"
                : "2.0 is kept only where an answer says what was written, so what is sent first is sent twice"),
        $"set {Variables.RemoteWriteProtocol.Name}=1.0, or write to the database behind it");

    private static bool IsOutOfOrder(string words) =>
        Array.Exists(OutOfOrderWords, w => words.Contains(w, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Where the known receivers take writes.</summary>
internal static class WriteUrls
{
    public const string NightingaleProxy = "/proxy/v1/write";

    private static readonly string[] Paths = ["/api/v1/write", "/prometheus/v1/write", "/api/v1/push", "/api/v1/receive"];

    private static readonly string[] Whose = ["Prometheus, VictoriaMetrics", "Nightingale", "Mimir, Cortex", "Thanos"];

    /// <summary>Of a single node, or of a cluster's vminsert by its usual port.</summary>
    public static string OfVictoriaMetrics(Uri url) =>
        Failures.Show(new Uri(url, url.Port == 8480 ? "/insert/0/prometheus/api/v1/write" : "/api/v1/write"));

    /// <summary>At the same address; the one whose usual port it is comes first.</summary>
    public static string Of(Uri url)
    {
        var likely = url.Port switch
        {
            17000 or 19000 => 1,
            8080 or 9009 => 2,
            19291 => 3,
            _ => 0,
        };
        var urls = new List<string>();
        for (var i = 0; i < Paths.Length; i++)
        {
            var shown = $"{Failures.Show(new Uri(url, Paths[i]))} ({Whose[i]})";
            if (Paths[i] != url.AbsolutePath)
                urls.Insert(i == likely ? 0 : urls.Count, shown);
        }
        return string.Join(", ", urls);
    }
}
