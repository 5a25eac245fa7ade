namespace Sidecar.Discovery;

/// <summary>
/// What discovery found was not taken, however often it was offered: to go on would be to keep the targets of before for ever.
/// </summary>
internal sealed class UnpublishableException(Exception last) : Exception("The targets that discovery found are not taken", last);
