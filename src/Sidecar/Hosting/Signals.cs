using System.Runtime.InteropServices;
using Sidecar.Telemetry;

namespace Sidecar.Hosting;

/// <summary>
/// What signals do. SIGTERM, SIGINT and SIGQUIT: the process drains and ends, and at a second one it ends at once. SIGHUP means two things:
/// from a terminal that closes it is the end, as for any program; without a terminal, in a container, somebody or a reloader beside us
/// wants the configuration read again, as Prometheus and vmagent do. There is nothing to read again, and to end would turn each reload
/// into a restart, so that is said and the process goes on.
/// </summary>
/// <param name="hasTerminal">Standard input is a terminal.</param>
/// <param name="stop">Cancelled when the process is to drain.</param>
/// <param name="forcedExit">Begun then, and asked at the second signal.</param>
/// <param name="log">Told of SIGHUP.</param>
internal sealed class Signals(bool hasTerminal, CancellationTokenSource stop, ForcedExit forcedExit, Log log) : IDisposable
{
    private readonly List<PosixSignalRegistration> registrations = [];

    public void Register()
    {
        foreach (var signal in (ReadOnlySpan<PosixSignal>)[PosixSignal.SIGTERM, PosixSignal.SIGINT, PosixSignal.SIGQUIT,
            PosixSignal.SIGHUP])
        {
            registrations.Add(PosixSignalRegistration.Create(signal, context =>
            {
                context.Cancel = true;
                Handle(context.Signal);
            }));
        }
    }

    public void Handle(PosixSignal signal)
    {
        if (signal == PosixSignal.SIGHUP && !hasTerminal)
        {
            log.Info("SIGHUP: there is no configuration to read again; the environment is read at the start",
                ("remedy", "restart the process to change its configuration"));
        }
        else if (forcedExit.Begin())
            Stop();
        else if (signal != PosixSignal.SIGHUP) // a terminal that closes may say so twice
            forcedExit.Now("A second signal: the process ends at once; scrapes outside a queue directory are lost", signal,
                "set SIDECAR_QUEUE_DIRECTORY; the first signal alone ends within SIDECAR_SHUTDOWN_TIMEOUT");
    }

    public void Dispose() => registrations.ForEach(r => r.Dispose());

    private void Stop()
    {
        try
        {
            stop.Cancel();
        }
        catch (AggregateException e)
        {
            // All who wait for it were told; what one of them threw is its own bug.
            log.Error("A bug in the sidecar, met while stopping; please report it with this line", ("error", e),
                ("remedy", "report it with this line and those before it"));
        }
    }
}
