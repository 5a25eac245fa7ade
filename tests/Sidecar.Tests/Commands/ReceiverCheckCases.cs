using Cluster;

namespace Sidecar.Tests.Commands;

/// <summary>Everything that the check tells apart of a receiver.</summary>
internal static class ReceiverCheckCases
{
    public static IReadOnlyList<CheckCase> All { get; } = [.. Receivers()];

    private static IEnumerable<CheckCase> Receivers()
    {
        yield return new CheckCase("receiver away", async run =>
            await run.Receiver.StopAsync(), "receiver", "refuses connections", "not running", "SIDECAR_REMOTE_WRITE_URL");
        yield return CheckCase.Answer("receiver wants credentials", 401, "", "answers 401", "wants credentials",
            "SIDECAR_REMOTE_WRITE_BASIC_AUTH_");
        yield return CheckCase.Answer("receiver forbids", 403, "", "answers 403", "may not write");
        yield return CheckCase.Answer("receiver's path is wrong", 404, "404 page not found", "answers 404", "the path of the URL is wrong",
            "/prometheus/v1/write (Nightingale)", "/api/v1/push (Mimir", "/api/v1/receive (Thanos)");
        yield return CheckCase.Of("receiver's path is wrong, and not the usual one", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Uri(run.Receiver.WriteUrl, "/write").ToString();
            run.Receiver.Answer = request => new ReceiverAnswer(request.Path == "/api/v1/write" ? 204 : 404);
        }, "receiver", "/api/v1/write (Prometheus, VictoriaMetrics)");
        yield return CheckCase.Answer("a Prometheus that takes no writes", 404,
            "remote write receiver needs to be enabled with --web.enable-remote-write-receiver\n",
            "takes no writes", "--web.enable-remote-write-receiver");
        yield return CheckCase.Answer("receiver refuses", 400, "no org id", "answers 400: no org id", "X-Scope-OrgID", "--send");
        yield return CheckCase.Answer("out of order", 400, "out of order sample", "answers 400: out of order sample",
            "newer samples of this series", "replica=a") with { Flags = ["--send"] };
        yield return CheckCase.Answer("receiver refuses a sample", 400, "label value too long",
            "does not take this sample") with { Flags = ["--send"] };
        yield return CheckCase.Answer("too large", 413, "", "larger than it takes", "SIDECAR_REMOTE_WRITE_MAX_SAMPLES_PER_SEND");
        yield return CheckCase.Answer("another protocol", 415, "", "does not speak remote write");
        yield return CheckCase.Answer("overload", 429, "slow down", "overloaded", "tried again");
        yield return CheckCase.Of("Nightingale's embedded database", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).EmbeddedUrl.ToString(), "receiver",
            "answers 403", "embedded database", "its own host alone", "/prometheus/v1/write", "EmbeddedTSDB.BasicAuthUser");
        yield return CheckCase.Of("Nightingale's proxy path", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).ProxyUrl.ToString(), "receiver",
            "passes writes on", "sent twice", "SIDECAR_REMOTE_WRITE_PROTOCOL=1.0") with { Status = "warning", ExitCode = 0 };
        yield return CheckCase.Of("Nightingale's proxy path, and a sample", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).ProxyUrl.ToString(), "receiver",
            "accepts a sample of sidecar_check", "sent twice") with { Status = "warning", ExitCode = 0, Flags = ["--send"] };
        yield return CheckCase.Of("Nightingale's proxy path, and 2.0", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).ProxyUrl.ToString();
            run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "2.0";
        }, "receiver", "nobody says whether it was written", "SIDECAR_REMOTE_WRITE_PROTOCOL=1.0") with { Status = "warning", ExitCode = 0 };
        yield return CheckCase.Of("Nightingale's proxy path with 1.0", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).ProxyUrl.ToString();
            run.Environment["SIDECAR_REMOTE_WRITE_PROTOCOL"] = "1.0";
        }, "receiver", "accepts") with { Status = "ok", ExitCode = 0 };
        yield return CheckCase.Of("Nightingale's queues are full", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver) { QueueLimit = -1 }.WriteUrl.ToString(), "receiver",
            "answers 499: write queue full", "Nightingale's queues", "QueueMaxSize", "SIDECAR_REMOTE_WRITE_CONCURRENCY");
        yield return CheckCase.Of("Nightingale is well", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = new Nightingale(run.Receiver).WriteUrl.ToString(), "receiver",
            "accepts a sample") with { Status = "ok", ExitCode = 0, Flags = ["--send"] };
        yield return CheckCase.Answer("receiver in trouble", 503, "", "trouble of its own");
        yield return CheckCase.Of("receiver says nothing", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_TIMEOUT"] = "2s";
            run.Receiver.Answer = _ => new ReceiverAnswer { Delay = TimeSpan.FromSeconds(30) };
        }, "receiver", "did not answer within SIDECAR_REMOTE_WRITE_TIMEOUT (2s); it takes connections", "overloaded or hangs");
        yield return CheckCase.Answer("web page instead of a receiver", 200, "\n <!DOCTYPE html><title>Login</title>",
            "answers 200 with a web page", "takes no samples", "/prometheus/v1/write (Nightingale)");
        yield return CheckCase.Answer("web page instead of a receiver, and a sample", 200, "<html>",
            "answers 200 with a web page", "takes no samples") with { Flags = ["--send"] };
        yield return CheckCase.Answer("VictoriaMetrics has no such path", 400, "unsupported path requested: \"/write\"",
            "VictoriaMetrics has no such path", "set SIDECAR_REMOTE_WRITE_URL=http://127.0.0.1:", "/api/v1/write");
        yield return CheckCase.Of("receiver redirects to itself", run => run.Receiver.Answer = _ =>
            new ReceiverAnswer(301) { Location = "/api/v1/push" }, "receiver", "answers 301",
            "it redirects to http://127.0.0.1:", "set SIDECAR_REMOTE_WRITE_URL=http://127.0.0.1:", "/api/v1/push");
        yield return CheckCase.Of("password file missing", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_BASIC_AUTH_USERNAME"] = "me";
            run.Environment["SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD_FILE"] = "/nope";
        }, "receiver", "/nope does not exist", "SIDECAR_REMOTE_WRITE_BASIC_AUTH_PASSWORD_FILE names /nope", "name another");
        yield return CheckCase.Of("server name that is not in the certificate", run =>
        {
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = $"https://127.0.0.1:{run.ApiServer.Port}/api/v1/write";
            run.Environment["SIDECAR_REMOTE_WRITE_TLS_CA_FILE"] = run.Cluster.CaFile;
            run.Environment["SIDECAR_REMOTE_WRITE_TLS_SERVER_NAME"] = "api.example";
        }, "receiver", "SIDECAR_REMOTE_WRITE_TLS_SERVER_NAME=api.example is not among the names",
            "unset SIDECAR_REMOTE_WRITE_TLS_SERVER_NAME");
        yield return CheckCase.Of("plain HTTP is reset", run => run.Receiver.Answer = _ =>
            new ReceiverAnswer { IsReset = true }, "receiver", "may speak TLS", "try https://");
        yield return CheckCase.Of("receiver's connection breaks", run => run.Receiver.Answer = _ =>
            new ReceiverAnswer { IsReset = true }, "receiver", "cuts the connection");
        yield return CheckCase.Of("receiver redirects", run => run.Receiver.Answer = _ =>
            new ReceiverAnswer(302) { Location = "https://login.example/" }, "receiver", "answers 302", "a login page");
        yield return CheckCase.Of("HTTPS to a plain receiver", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = $"https://127.0.0.1:{run.Receiver.Port}/api/v1/write",
            "receiver", "does not speak TLS", "set the scheme in SIDECAR_REMOTE_WRITE_URL to http");
        yield return CheckCase.Of("HTTP to a receiver with TLS", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = $"http://127.0.0.1:{run.ApiServer.Port}/api/v1/write",
            "receiver", "HTTP request to an HTTPS server", "set the scheme in SIDECAR_REMOTE_WRITE_URL to https");
        yield return CheckCase.Of("receiver with an unknown CA", run =>
            run.Environment["SIDECAR_REMOTE_WRITE_URL"] = $"https://127.0.0.1:{run.ApiServer.Port}/api/v1/write",
            "receiver", "issued by CN=kubernetes, which is not an authority that this system trusts", "SIDECAR_REMOTE_WRITE_TLS_CA_FILE");
        yield return CheckCase.With("write rules drop the sample", "SIDECAR_WRITE_RELABEL_CONFIGS",
            """[{"source_labels":["__name__"],"regex":"sidecar_.*","action":"drop"}]""",
            "receiver", "drops the sample sidecar_check") with { Flags = ["--send"], ExitCode = 0, Status = "warning" };
    }
}
