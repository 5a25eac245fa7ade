namespace Sidecar.Discovery;

/// <summary>A new set of targets was rejected every time. Going on would keep the old targets for ever.</summary>
internal sealed class UnpublishableException(Exception last) : Exception("The targets that discovery found could not be applied", last);
