using System.Diagnostics.CodeAnalysis;
using Sidecar.Memory;
using Sidecar.Requests;
using Sidecar.Telemetry;

namespace Sidecar.Records;

/// <summary>
/// The threads that parse, relabel, encode and compress bodies: one for two processors, for a million samples take 0.6 s. Scratch memory
/// exists once for each pass in progress.
/// </summary>
/// <remarks>
/// A pass goes on in slices. When its slice is over and others wait, it is put aside with its context, and new passes go first; those that
/// were put aside have half of the time. They go on one after another, in their order, so that of many that take a second each the first is
/// not as late as the last; only one that has had <see cref="TurnLength"/> goes behind the others. So a body that takes seconds delays no
/// other target, and comes to its end. A pass finds out by itself when its timeout is over; what it waits for its turn does not count.
/// </remarks>
internal sealed class Passes : IDisposable
{
    /// <summary>Some 150,000 samples: nearly all passes need one slice.</summary>
    public static readonly TimeSpan SliceLength = TimeSpan.FromMilliseconds(100);

    /// <summary>Two million samples: only bodies made to take long need more.</summary>
    public static readonly TimeSpan TurnLength = TimeSpan.FromSeconds(2);

    /// <summary>Passes that have begun and not ended, each with a context. Where there are more long ones, new ones wait.</summary>
    public const int MostBegun = 32;

    private const int StackSize = 512 * 1024;
    private static readonly TimeSpan TidyingInterval = TimeSpan.FromMinutes(5);

    private readonly InternalErrors? errors;
    private readonly TimeProvider time;
    private readonly long slice; // of time's ticks
    private readonly long turn;
    private readonly object gate = new(); // over the fields below
    private readonly Queue<PassJob> waiting = [];
    private readonly LinkedList<PassJob> aside = [];
    private int begun; // lent contexts: passes that run or are put aside
    private long spentOnNew; // since a pass that was put aside had its slice
    private long nextTidying; // 0 before the first
    private bool isClosed;
    private volatile bool othersWait; // of gate; read without it

    /// <param name="protocol">Tells in which version requests are made; null for 1.0.</param>
    /// <param name="errors">Told what escapes from a thread's work; null for nobody.</param>
    public Passes(
        int samplesPerRequest, ReceiverProtocol? protocol = null, InternalErrors? errors = null, TimeProvider? time = null,
        int? threads = null)
    {
        this.errors = errors;
        this.time = time ?? TimeProvider.System;
        slice = (long)(SliceLength.TotalSeconds * this.time.TimestampFrequency);
        turn = (long)(TurnLength.TotalSeconds * this.time.TimestampFrequency);
        Contexts = new PassContexts(samplesPerRequest, protocol);
        for (var i = threads ?? Math.Clamp(Environment.ProcessorCount / 2, 1, 4); i > 0; i--)
            new Thread(Work, StackSize) { IsBackground = true, Name = "passes" }.Start();
    }

    /// <summary>For passes that keep a context from one step to the next, in which others are waited for.</summary>
    public PassContexts Contexts { get; }

    /// <summary>A pass that goes on in slices, with a context that it has until its end.</summary>
    /// <param name="begin">Called when its turn comes first.</param>
    public Task<T> RunInSlicesAsync<T>(Func<PassContext, PassStep<T>> begin) => Add(new PassJob<T>(begin, context: null));

    /// <summary>The same with a context that the caller has lent.</summary>
    public Task<T> RunInSlicesAsync<T>(PassContext context, PassStep<T> step) => Add(new PassJob<T>(_ => step, context));

    /// <summary>What is short enough to be done in one go.</summary>
    public Task<T> RunAsync<T>(Func<PassContext, T> work) => RunInSlicesAsync<T>(context => ([MaybeNullWhen(false)] out T result) =>
    {
        result = work(context);
        return true;
    });

    /// <summary>What has come so far is still done.</summary>
    public void Dispose()
    {
        lock (gate)
        {
            isClosed = true;
            Monitor.PulseAll(gate);
        }
    }

    /// <summary>The slice of a pass is over at that time, if somebody waits for the thread.</summary>
    internal bool IsOver(long ends) => othersWait && time.GetTimestamp() >= ends;

    private Task<T> Add<T>(PassJob<T> job)
    {
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(isClosed, this);
            waiting.Enqueue(job);
            othersWait = true;
            Monitor.Pulse(gate);
        }
        return job.Task;
    }

    /// <summary>What a thread does: an exception that no pass has thrown is reported, and the thread goes on.</summary>
    private void Work()
    {
        while (true)
        {
            try
            {
                if (Take() is not { } job)
                    return;
                Run(job);
            }
            catch (Exception e)
            {
                errors?.Report(ProcessLoop.Passes, e);
            }
        }
    }

    /// <summary>The next one to have a slice; null when there will be none.</summary>
    private PassJob? Take()
    {
        lock (gate)
        {
            while (true)
            {
                var mayBegin = waiting.Count > 0 && (begun < MostBegun || !waiting.Peek().IsLent);
                if (aside.Count > 0 && (!mayBegin || spentOnNew >= slice))
                {
                    spentOnNew = 0;
                    var first = aside.First!.Value;
                    aside.RemoveFirst();
                    return Taken(first);
                }
                if (mayBegin)
                {
                    var job = waiting.Dequeue();
                    begun += job.IsLent ? 1 : 0;
                    return Taken(job);
                }
                if (isClosed && waiting.Count == 0)
                    return null;
                Monitor.Wait(gate);
            }
        }

        PassJob Taken(PassJob job)
        {
            othersWait = waiting.Count + aside.Count > 0;
            return job;
        }
    }

    private void Run(PassJob job)
    {
        Exception? error = null;
        var isDone = true;
        long spent = 0;
        try
        {
            if (!job.IsBegun)
                Tidy(); // memory is about to be at its peak
            var began = time.GetTimestamp();
            job.Context ??= Contexts.Lend();
            job.Context.Slice.Begin(this, began + slice);
            isDone = Advance(job, ref error);
            job.Context.Slice.End();
            spent = time.GetTimestamp() - began;
            if (isDone && error is null && job.IsLent)
                Contexts.Return(job.Context);
        }
        catch (Exception e)
        {
            errors?.Report(ProcessLoop.Passes, e);
            (isDone, error) = (true, e);
        }
        lock (gate)
        {
            if (!job.IsBegun && aside.Count > 0)
                spentOnNew += spent;
            job.IsBegun = true;
            job.Turn += spent;
            if (!isDone)
                PutAside(job);
            else if (job.IsLent)
                begun--;
            othersWait = waiting.Count + aside.Count > 0;
            Monitor.Pulse(gate); // another thread may go on with what was put aside, or begin what had to wait
        }
        if (isDone)
            job.Complete(error);
    }

    /// <summary>Under the lock.</summary>
    private void PutAside(PassJob job)
    {
        // What is put aside for the first time goes behind the others; after that, it stays in front until its turn is over.
        if (job.Turn < turn && job.HasTurn)
        {
            aside.AddFirst(job);
            return;
        }
        (job.Turn, job.HasTurn) = (0, true);
        aside.AddLast(job);
    }

    /// <summary>What a pass throws is its caller's.</summary>
    private static bool Advance(PassJob job, ref Exception? error)
    {
        try
        {
            return job.Advance();
        }
        catch (Exception e)
        {
            error = e;
            return true;
        }
    }

    /// <summary>Returns memory: a TLS connection leaves 1 MB each quarter of an hour, and old objects are rarely collected.</summary>
    public void Tidy()
    {
        try
        {
            var now = time.GetTimestamp();
            lock (gate)
            {
                if (nextTidying != 0 && now < nextTidying)
                    return;
                // The first pass is when the start is over: there is nothing to collect then.
                var isFirst = nextTidying == 0;
                nextTidying = now + (long)(TidyingInterval.TotalSeconds * time.TimestampFrequency);
                if (isFirst)
                    now = 0;
            }
            if (now != 0)
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            NativeHeap.Trim();
            ProgramPages.Release();
        }
        catch (Exception e)
        {
            errors?.Report(ProcessLoop.Tidying, e);
        }
    }
}
