using System.ComponentModel;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Sidecar.Benchmarks;

/// <summary>
/// Which methods of a process are used: a breakpoint at the beginning of each, taken away when it is met. By ptrace of Linux, on x64;
/// all of its calls must come from the thread that made this.
/// </summary>
internal sealed partial class MethodTrace : IDisposable
{
    private const int Cont = 7, GetRegisters = 12, SetRegisters = 13, Seize = 0x4206; // sys/ptrace.h
    private const int TraceClone = 8, TraceExec = 16, ExecEvent = 4;
    private const int AllThreads = 0x40000000, NoHang = 1; // __WALL, WNOHANG
    private const int Trap = 5, Continue = 18, Stop = 19;
    private const int InstructionPointer = 16; // of the 27 registers of sys/user.h
    private const byte Breakpoint = 0xcc;      // INT3

    private readonly int process;
    private readonly FileStream memory;
    private readonly Dictionary<long, Place> places = [];

    /// <param name="process">Is stopped, and becomes the program when it goes on.</param>
    public MethodTrace(int process, string binary, IEnumerable<TracedMethod> methods)
    {
        this.process = process;
        if (ptrace(Seize, process, 0, TraceClone | TraceExec) != 0)
            throw new Win32Exception();
        _ = kill(process, Continue);
        while (true)
        {
            if (waitpid(process, out var status, AllThreads) != process || (status & 0xff) != 0x7f)
                throw new InvalidOperationException($"{binary} did not start");
            if (status >> 16 == ExecEvent)
                break;
            _ = ptrace(Cont, process, 0, 0);
        }
        var lowest = File.ReadLines($"/proc/{process}/maps").First(l => l.EndsWith(binary, StringComparison.Ordinal));
        var mapped = long.Parse(lowest[..lowest.IndexOf('-')], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        memory = new FileStream($"/proc/{process}/mem", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        foreach (var alike in methods.GroupBy(m => m.Offset, m => m.Name))
            places.Add(mapped + alike.Key, new Place([.. alike], Read(mapped + alike.Key)));
        Again();
        _ = ptrace(Cont, process, 0, 0);
    }

    /// <summary>The methods that were met, in the order in which they were met first.</summary>
    public List<string> Hits { get; } = [];

    /// <summary>Forgets what was met.</summary>
    public void Again()
    {
        Hits.Clear();
        foreach (var (at, place) in places)
        {
            place.IsMet = false;
            Write(at, Breakpoint);
        }
    }

    public void Run(TimeSpan time)
    {
        var end = Environment.TickCount64 + (long)time.TotalMilliseconds;
        Span<ulong> registers = stackalloc ulong[27];
        while (Environment.TickCount64 < end)
        {
            var thread = waitpid(-1, out var status, AllThreads | NoHang);
            if (thread <= 0)
            {
                Thread.Sleep(0);
                continue;
            }
            if ((status & 0xff) != 0x7f) // it ended
                continue;
            var signal = status >> 8 & 0xff;
            if (status >> 16 == 0 && signal == Trap)
                signal = Meet(thread, registers) ? 0 : signal;
            else if (status >> 16 != 0 || signal == Stop)
                signal = 0;
            _ = ptrace(Cont, thread, 0, signal);
        }
    }

    /// <summary>Kills the process: its breakpoints need a tracer. Its threads end once they are waited for.</summary>
    public void Dispose()
    {
        memory.Dispose();
        using (var traced = Process.GetProcessById(process))
            traced.Kill();
        var end = Environment.TickCount64 + 10_000;
        while (Directory.Exists($"/proc/{process}") && Environment.TickCount64 < end)
        {
            if (waitpid(-1, out _, AllThreads | NoHang) <= 0)
                Thread.Sleep(1);
        }
    }

    private bool Meet(int thread, Span<ulong> registers)
    {
        ref var first = ref MemoryMarshal.GetReference(registers);
        if (ptrace(GetRegisters, thread, 0, ref first) != 0
            || !places.TryGetValue((long)registers[InstructionPointer] - 1, out var place))
            return false;
        var at = (long)--registers[InstructionPointer];
        if (!place.IsMet)
        {
            place.IsMet = true;
            Hits.AddRange(place.Names);
            Write(at, place.Code);
        }
        return ptrace(SetRegisters, thread, 0, ref first) == 0;
    }

    private byte Read(long at)
    {
        Span<byte> one = [0];
        RandomAccess.Read(memory.SafeFileHandle, one, at);
        return one[0];
    }

    private void Write(long at, byte code) => RandomAccess.Write(memory.SafeFileHandle, [code], at);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint ptrace(long request, long thread, nint address, nint data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint ptrace(long request, long thread, nint address, ref ulong data);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int waitpid(int process, out int status, int options);

    [LibraryImport("libc")]
    private static partial int kill(int process, int signal);

    private sealed class Place(string[] names, byte code)
    {
        public string[] Names => names;
        public byte Code => code;
        public bool IsMet { get; set; }
    }
}
