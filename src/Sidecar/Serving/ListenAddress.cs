using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Sidecar.Configuration;

namespace Sidecar.Serving;

/// <summary>SIDECAR_LISTEN_ADDRESS as a listening socket.</summary>
internal static class ListenAddress
{
    /// <summary>
    /// Listens on <c>host:port</c>, <c>[v6]:port</c> or <c>:port</c>, which like <c>[::]</c> means all addresses of both families. Null
    /// with a sentence that names variable, cause and remedy.
    /// </summary>
    public static Socket? Open(string address, out string error)
    {
        error = "";
        if (Hosts.ParseListenAddress(address) is not { Value: { } valid })
        {
            error = $"SIDECAR_LISTEN_ADDRESS={address}: is not host:port; for example :9090 or 127.0.0.1:9090";
            return null;
        }
        var colon = valid.LastIndexOf(':');
        var (host, port) = (valid[..colon], int.Parse(valid.AsSpan(colon + 1), CultureInfo.InvariantCulture));
        try
        {
            return host.Length == 0 ? ListenOnAll(port) : Listen(new IPEndPoint(Resolve(host), port));
        }
        catch (SocketException e)
        {
            const string LeaveOut = "leave the host out to listen on all, as in :9090";
            var (cause, remedy) = e.SocketErrorCode switch
            {
                SocketError.AddressAlreadyInUse => ($"port {port} is in use by another process",
                    "stop that one, choose another port (hostNetwork pods share the node's), or set the variable empty for no listener"),
                SocketError.AccessDenied => ($"this user may not listen on port {port}", "choose one of 1024 or above"),
                SocketError.AddressNotAvailable => ("the host is not an address of this machine", LeaveOut),
                SocketError.AddressFamilyNotSupported => ("this machine lacks that address family", LeaveOut),
                SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => ("the host name has no address", LeaveOut),
                var other => ($"the system refuses to listen there ({other})", LeaveOut),
            };
            error = $"SIDECAR_LISTEN_ADDRESS={address}: {cause}; {remedy}";
            return null;
        }
    }

    /// <summary>Where a process that listens so is asked from this machine; null where only the system knows the port.</summary>
    /// <param name="address">A valid one.</param>
    public static Uri? UrlOf(string address)
    {
        var colon = address.LastIndexOf(':');
        var host = address[..colon];
        return int.Parse(address.AsSpan(colon + 1), CultureInfo.InvariantCulture) == 0 ? null
            : new Uri($"http://{(host is "" or "0.0.0.0" or "[::]" ? "127.0.0.1" : host)}{address[colon..]}/");
    }

    private static Socket ListenOnAll(int port)
    {
        try
        {
            return Listen(new IPEndPoint(IPAddress.IPv6Any, port));
        }
        catch (SocketException e) when (e.SocketErrorCode is SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable
            or SocketError.ProtocolFamilyNotSupported or SocketError.OperationNotSupported)
        {
            return Listen(new IPEndPoint(IPAddress.Any, port)); // a kernel without IPv6
        }
    }

    private static Socket Listen(IPEndPoint endpoint)
    {
        var socket = new Socket(endpoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endpoint.Address.Equals(IPAddress.IPv6Any))
                socket.DualMode = true;
            socket.Bind(endpoint);
            socket.Listen(backlog: 128);
            return socket;
        }
        catch (SocketException)
        {
            socket.Dispose();
            throw;
        }
    }

    private static IPAddress Resolve(string host)
    {
        if (IPAddress.TryParse(host, out var literal))
            return literal;
        var addresses = Dns.GetHostAddresses(host);
        return Array.Find(addresses, a => a.AddressFamily == AddressFamily.InterNetwork)
            ?? (addresses.Length > 0 ? addresses[0] : throw new SocketException((int)SocketError.HostNotFound));
    }
}
