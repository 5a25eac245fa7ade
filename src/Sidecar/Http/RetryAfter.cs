namespace Sidecar.Http;

/// <summary>RFC 9110, section 10.2.3: when a peer wants to be asked again, in seconds or as a date.</summary>
internal static class RetryAfter
{
    /// <summary>From now on; null where the answer does not say. A date that has passed is zero or less.</summary>
    public static TimeSpan? Of(HttpResponseMessage response, TimeProvider time) => response.Headers.RetryAfter switch
    {
        { Delta: { } delta } => delta,
        { Date: { } date } => date - time.GetUtcNow(),
        _ => null,
    };
}
