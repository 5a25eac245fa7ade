namespace Sidecar.Primitives;

/// <summary>Why talking to a peer failed: a closed set, the same words in logs, metrics and pages.</summary>
internal enum FailureReason
{
    None,
    DnsLookup,
    ConnectionRefused,
    /// <summary>No route, unreachable, reset, or closed in the middle of an answer.</summary>
    Connection,
    Timeout,
    /// <summary>The peer's certificate was rejected: expired, unknown authority, wrong name.</summary>
    Certificate,
    /// <summary>TLS failed otherwise: the peer speaks plain HTTP, no common version, our certificate refused.</summary>
    TlsHandshake,
    /// <summary>TLS was expected by the peer and plain HTTP was spoken.</summary>
    HttpOnHttpsPort,
    Unauthorized,
    Forbidden,
    NotFound,
    /// <summary>Any other status that is not a success.</summary>
    HttpStatus,
    Redirect,
    /// <summary>The proxy on the way to the peer: not reached, wants credentials, or does not reach the peer.</summary>
    Proxy,
    /// <summary>The token, certificate or key file cannot be read or parsed.</summary>
    Credentials,
    ContentType,
    ContentEncoding,
    /// <summary>The body ended early or its compression is damaged.</summary>
    Truncated,
    BodySizeLimit,
    SampleLimit,
    TargetLimit,
    /// <summary>More or longer labels than the label limits allow.</summary>
    LabelLimit,
    /// <summary>The body is not in the format that was announced.</summary>
    Parse,
    /// <summary>A bug of ours: an exception that nobody expected.</summary>
    Internal,
}

/// <summary>What more than its reason is known of a failure's cause; remedies are chosen by it.</summary>
internal enum FailureDetail
{
    None,
    CertificateExpired,
    CertificateNotYetValid,
    /// <summary>The certificate has other names than the one that was asked for.</summary>
    CertificateName,
    /// <summary>The certificate was issued for another use than a server's.</summary>
    CertificateUse,
    /// <summary>Plain HTTP was spoken, perhaps to a peer that speaks TLS.</summary>
    MayWantHttps,
    /// <summary>TLS was spoken, perhaps to a peer that speaks plain HTTP.</summary>
    MayWantHttp,
    /// <summary>A connection in plain HTTP was reset: by what is in between, or by a port that speaks TLS.</summary>
    ResetOfHttp,
    /// <summary>The peer takes connections and does not answer.</summary>
    Connected,
    /// <summary>No DNS server has answered yet.</summary>
    NameWaits,
    /// <summary>One scrape is larger than the queue may take.</summary>
    QueueSizeLimit,
    /// <summary>The proxy wants credentials, or others.</summary>
    ProxyCredentials,
    /// <summary>The proxy's rules are against it.</summary>
    ProxyForbids,
    /// <summary>The proxy finds no way to the peer.</summary>
    ProxyCannotReach,
}

/// <summary>An expected failure: its reason, and one sentence for a person that names the cause.</summary>
/// <param name="Status">Of the HTTP answer, where there was one that is the failure; else 0.</param>
internal readonly record struct Failure(FailureReason Reason, string Message, FailureDetail Detail = FailureDetail.None, int Status = 0)
{
    public bool IsNone => Reason == FailureReason.None;

    /// <summary>What tells it from others in few words, the same each time: <c>http_status 503</c>.</summary>
    public string Cause => Status > 0 ? $"{Word.Of(Reason)} {Status}" : Word.Of(Reason);
}
