using Sidecar.Configuration;

namespace Sidecar.Http;

/// <summary>Authentication and TLS towards one peer: each thing at most once, and what belongs together whole.</summary>
internal static class HttpOptionsReader
{
    /// <summary>What the rest of the configuration says about the peer.</summary>
    /// <param name="IsPlain">Some request goes over plain HTTP through a network.</param>
    /// <param name="DefaultCredentialsFile">Used where no authentication is set.</param>
    /// <param name="UserInfo"><c>user:password</c> out of the URL, percent-encoded; it is basic authentication, as in Prometheus.</param>
    internal sealed record Peer(
        bool IsPlain, string? DefaultCredentialsFile = null, string? DefaultCaFile = null, string? UserInfo = null,
        Variable? UrlVariable = null);

    public static HttpOptions Read(Settings settings, HttpVariables names, Peer peer)
    {
        var kinds = CheckAuthentication(settings, names, peer);
        var options = new HttpOptions
        {
            AuthorizationType = settings.Read(names.AuthorizationType, Texts.ParseAuthorizationType),
            Credentials = settings.ReadText(names.Credentials, Texts.ParseCredentials),
            CredentialsFile = settings.ReadText(names.CredentialsFile, Texts.ParseFile),
            BasicAuthUsername = settings.ReadText(names.Username, Texts.ParseUsername),
            BasicAuthPassword = settings.ReadText(names.Password, Texts.ParseLine),
            BasicAuthPasswordFile = settings.ReadText(names.PasswordFile, Texts.ParseFile),
            Tls = ReadTls(settings, names, peer),
        };

        if (kinds.Count == 0 && peer.DefaultCredentialsFile is not null)
        {
            settings.Derive(names.CredentialsFile, peer.DefaultCredentialsFile);
            options = options with { CredentialsFile = peer.DefaultCredentialsFile, IsForTlsOnly = true };
        }
        else if (kinds.Count > 0 && !settings.IsOwn(kinds[0]))
            options = options with { IsForTlsOnly = true };
        if (!string.IsNullOrEmpty(peer.UserInfo))
        {
            var colon = peer.UserInfo.IndexOf(':');
            options = options with
            {
                BasicAuthUsername = Uri.UnescapeDataString(colon < 0 ? peer.UserInfo : peer.UserInfo[..colon]),
                BasicAuthPassword = colon < 0 ? null : Uri.UnescapeDataString(peer.UserInfo[(colon + 1)..]),
            };
        }

        if (settings.IsSet(names.AuthorizationType) && options is { Credentials: null, CredentialsFile: null })
            settings.Warn(names.AuthorizationType, "has no effect without credentials",
                $"set {names.CredentialsFile.Name} like {names.CredentialsFile.Example}, or unset it");
        if (kinds.Count > 0 && peer.IsPlain)
            settings.Warn(kinds[0], !options.IsForTlsOnly ? "goes over plain http, where anybody on the way can read it"
                : $"does not go over plain http to the targets of {settings.Job.Name}; where it shall, set {settings.Job.NameOf(kinds[0])}",
                "use https, or nothing but a network that you trust");
        return options;
    }

    /// <summary>Null where the receiver is reached without one.</summary>
    public static Proxy? ReadProxy(Settings settings)
    {
        var without = NoProxy.Parse(settings.ReadText(Variables.RemoteWriteNoProxy, Texts.ParseLine) ?? "");
        foreach (var entry in without.Unknown)
            settings.Warn(Variables.RemoteWriteNoProxy, $"{entry} is no host, domain, address or network, and so leaves nothing out");
        if (!settings.IsSet(Variables.RemoteWriteProxyUrl))
        {
            if (settings.IsSet(Variables.RemoteWriteNoProxy))
                settings.Warn(Variables.RemoteWriteNoProxy, $"has no effect without {Variables.RemoteWriteProxyUrl.Name}");
            return null;
        }
        return settings.ReadUrl(Variables.RemoteWriteProxyUrl, Urls.ParseProxy) is { } url ? new Proxy(url, without) : null;
    }

    /// <summary>The first set variable of each kind of authentication in use; more than one is an error.</summary>
    private static List<Variable> CheckAuthentication(Settings settings, HttpVariables names, Peer peer)
    {
        CheckOnlyOne(settings, names.Credentials, names.CredentialsFile);
        CheckOnlyOne(settings, names.Password, names.PasswordFile);

        Variable[] authorization = [names.Credentials, names.CredentialsFile];
        Variable[] basic = [names.Username, names.Password, names.PasswordFile];
        var kinds = new List<Variable>();
        if (!string.IsNullOrEmpty(peer.UserInfo))
            kinds.Add(peer.UrlVariable!);
        if (authorization.FirstOrDefault(settings.IsSet) is { } credentials)
            kinds.Add(credentials);
        if (basic.FirstOrDefault(settings.IsSet) is { } user)
        {
            kinds.Add(user);
            if (!settings.IsSet(names.Username))
                settings.Error(user, "a password without a user", $"set {names.Username.Name} like {names.Username.Example}");
        }
        foreach (var kind in kinds.Skip(1))
            settings.Error(kind, $"a second way to authenticate beside {kinds[0].Name}", "set only one of the two");
        return kinds;
    }

    private static void CheckOnlyOne(Settings settings, Variable value, Variable file)
    {
        if (settings.IsSet(value) && settings.IsSet(file))
            settings.Error(value, $"set together with {file.Name}", "set only one of the two");
    }

    private static TlsOptions ReadTls(Settings settings, HttpVariables names, Peer peer)
    {
        var insecure = settings.Read(names.InsecureSkipVerify, Words.Boolean);
        if (insecure && settings.SourceOf(names.InsecureSkipVerify) != ValueSource.Profile)
            settings.Warn(names.InsecureSkipVerify, "certificates are not checked, so anybody on the way can answer",
                $"let {names.CaFile.Name} name the authority that signed them, and unset it");
        if (settings.IsSet(names.CertFile) && !settings.IsSet(names.KeyFile))
            settings.Error(names.CertFile, "a certificate without its key", $"set {names.KeyFile.Name} like {names.KeyFile.Example}");
        if (settings.IsSet(names.KeyFile) && !settings.IsSet(names.CertFile))
            settings.Error(names.KeyFile, "a key without its certificate", $"set {names.CertFile.Name} like {names.CertFile.Example}");

        // Without a check of certificates nothing is to be trusted, and the file may well not be there.
        var defaultCa = insecure && settings.SourceOf(names.InsecureSkipVerify) == ValueSource.Profile ? null : peer.DefaultCaFile;
        if (!settings.IsSet(names.CaFile) && defaultCa is not null)
            settings.Derive(names.CaFile, defaultCa);
        return new()
        {
            CaFile = settings.ReadText(names.CaFile, Texts.ParseFile) ?? defaultCa,
            CertFile = settings.ReadText(names.CertFile, Texts.ParseFile),
            KeyFile = settings.ReadText(names.KeyFile, Texts.ParseFile),
            ServerName = settings.ReadText(names.ServerName, Texts.ParseServerName),
            InsecureSkipVerify = insecure,
            MinVersion = settings.Read(names.MinVersion, Texts.ParseTlsVersion),
        };
    }
}
