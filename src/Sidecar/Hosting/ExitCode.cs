namespace Sidecar.Hosting;

/// <summary>What the process ends with.</summary>
internal static class ExitCode
{
    public const int Done = 0;
    public const int Failed = 1;
    public const int BadConfiguration = 2;

    /// <summary>For <c>sidecar help</c>; the README says the same.</summary>
    public static readonly (int Code, string Meaning)[] All =
    [
        (Done, "done"),
        (Failed, "a failure while running"),
        (BadConfiguration, "a configuration error; every wrong variable is named on standard error"),
    ];
}
