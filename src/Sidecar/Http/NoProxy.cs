using System.Net;
using Sidecar.Configuration;

namespace Sidecar.Http;

/// <summary>
/// Hosts that are reached without the proxy, in the forms that Go reads in NO_PROXY (golang.org/x/net/http/httpproxy): <c>*</c> for all,
/// an address, a network, a name with all below it, or with a leading dot or <c>*.</c> only those below it; all but the first two with a
/// port where one is meant alone. As there, a list that is not empty leaves loopback addresses out too.
/// </summary>
internal sealed class NoProxy
{
    private readonly ImmutableArray<Entry> entries;

    private NoProxy(ImmutableArray<Entry> entries, ImmutableArray<string> unknown) => (this.entries, Unknown) = (entries, unknown);

    /// <summary>What is none of these forms and so matches nothing: such lists are handed around, and Go passes over it too.</summary>
    public ImmutableArray<string> Unknown { get; }

    public static NoProxy Parse(string text)
    {
        var (known, unknown) = (ImmutableArray.CreateBuilder<Entry>(), ImmutableArray.CreateBuilder<string>());
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            if (Entry.Parse(part.ToLowerInvariant()) is { } entry)
                known.Add(entry);
            else
                unknown.Add(part);
        }
        return new(known.ToImmutable(), unknown.ToImmutable());
    }

    public bool Matches(Uri url)
    {
        if (entries.IsEmpty)
            return false;
        var host = url.IdnHost.ToLowerInvariant().TrimEnd('.');
        var address = IPAddress.TryParse(host, out var ip) ? ip : null;
        if (host == "localhost" || (address is not null && IPAddress.IsLoopback(address)))
            return true;
        foreach (var entry in entries)
        {
            if (entry.Matches(host, address, url.Port))
                return true;
        }
        return false;
    }

    /// <param name="Below">The name behind a dot; <c>.</c> for all; null where it is an address.</param>
    /// <param name="IsHost">The name itself, too.</param>
    /// <param name="Network">Its first bits are compared.</param>
    /// <param name="Port">0 for all.</param>
    private sealed record Entry(string? Below, bool IsHost, IPAddress? Network, int Bits, int Port)
    {
        public static Entry? Parse(string text)
        {
            if (text == "*")
                return new(".", IsHost: true, null, 0, 0);
            if (text.IndexOf('/') is var slash and >= 0)
                return Address(text[..slash]) is { } network && int.TryParse(text[(slash + 1)..], out var bits) && bits >= 0
                    && bits <= 8 * network.GetAddressBytes().Length ? new(null, false, network, bits, 0) : null;
            var port = 0;
            var colon = text.LastIndexOf(':');
            if (colon >= 0 && (text.IndexOf(':') == colon || text[colon - 1] == ']'))
            {
                if (!ushort.TryParse(text.AsSpan(colon + 1), out var number) || number == 0)
                    return null;
                (text, port) = (text[..colon], number);
            }
            if (Address(text) is { } address)
                return new(null, false, address, 8 * address.GetAddressBytes().Length, port);
            text = text.StartsWith("*.", StringComparison.Ordinal) ? text[1..] : text;
            var isHost = !text.StartsWith('.');
            var name = (isHost ? text : text[1..]).TrimEnd('.');
            return Hosts.IsHost(name) ? new("." + name, isHost, null, 0, port) : null;
        }

        public bool Matches(string host, IPAddress? address, int port)
        {
            if (Port != 0 && Port != port)
                return false;
            if (Below is not null)
                return Below == "." || host.EndsWith(Below, StringComparison.Ordinal)
                    || (IsHost && host.AsSpan().SequenceEqual(Below.AsSpan(1)));
            return address is not null && Starts(address.GetAddressBytes(), Network!.GetAddressBytes(), Bits);
        }

        private static bool Starts(byte[] address, byte[] network, int bits)
        {
            var (whole, rest) = Math.DivRem(bits, 8);
            return address.Length == network.Length && address.AsSpan(0, whole).SequenceEqual(network.AsSpan(0, whole))
                && (rest == 0 || (address[whole] ^ network[whole]) >> (8 - rest) == 0);
        }

        private static IPAddress? Address(string text) =>
            Hosts.IsHost(Hosts.Bracketed(text)) && IPAddress.TryParse(text, out var address) ? address : null;
    }
}
