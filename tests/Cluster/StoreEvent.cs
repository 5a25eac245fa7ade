using System.Text.Json.Nodes;

namespace Cluster;

/// <summary>One change in the store. A deletion has no <see cref="After"/>, a creation no <see cref="Before"/>.</summary>
internal sealed record StoreEvent(long Version, string Key, JsonObject? Before, JsonObject? After);
