// A lock that one CPU takes nearly always. An atomic operation waits until every store before it has left the processor, and before a batch
// of pages moves those are stores to descriptors, which are rarely in the cache. So the owner comes in by a plain store and a plain load,
// while the lock leans towards it. Whoever else wants the lock ends that for all threads at once (a barrier in all of them, some microseconds);
// then both use the gate, until the owner has come many times in a row.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Engine.Core.Zones;

/// <summary>A lock of the host, for one owner's thread and for others.</summary>
[StructLayout(LayoutKind.Explicit, Size = 512)]
internal sealed class BiasedLock
{
    // What a barrier in all threads costs is small beside so many turns.
    private const int TurnsToBias = 4096;

    // The owner alone writes this line: 1 while it is inside without the gate.
    [FieldOffset(128)]
    private int isOwnerInside;

    // 1 while the owner need not pass the gate; written with the gate held.
    [FieldOffset(256)]
    private int isBiased;

    [FieldOffset(260)]
    private int gate;

    // The owner's turns at the gate since another one's; written with the gate held.
    [FieldOffset(264)]
    private int ownerTurns;

    /// <summary>Takes the lock for the owner.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void AcquireAsOwner()
    {
        // Neither order is forced on these two; the other side's barrier does that for both.
        Volatile.Write(ref isOwnerInside, 1);
        if (Volatile.Read(ref isBiased) == 0)
        {
            PassGateAsOwner();
        }
    }

    /// <summary>Ends what <see cref="AcquireAsOwner"/> began.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void ReleaseAsOwner()
    {
        if (isOwnerInside != 0)
        {
            Volatile.Write(ref isOwnerInside, 0);
        }
        else
        {
            Volatile.Write(ref gate, 0);
        }
    }

    /// <summary>Takes the lock for anyone.</summary>
    public void Acquire()
    {
        PassGate();
        ownerTurns = 0;
        if (isBiased != 0)
        {
            EndBias();
        }
    }

    /// <summary>Ends what <see cref="Acquire"/> began.</summary>
    public void Release() => Volatile.Write(ref gate, 0);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void PassGateAsOwner()
    {
        Volatile.Write(ref isOwnerInside, 0);
        PassGate();
        if (++ownerTurns >= TurnsToBias)
        {
            // From the next turn on.
            ownerTurns = 0;
            Volatile.Write(ref isBiased, 1);
        }
    }

    // After the barrier either the owner's store is seen here, or the owner sees that it has to pass the gate.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void EndBias()
    {
        Volatile.Write(ref isBiased, 0);
        Interlocked.MemoryBarrierProcessWide();
        SpinWait spin = default;
        while (Volatile.Read(ref isOwnerInside) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void PassGate()
    {
        if (Interlocked.CompareExchange(ref gate, 1, 0) != 0)
        {
            Wait();
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait()
    {
        SpinWait spin = default;
        while (Volatile.Read(ref gate) != 0 || Interlocked.CompareExchange(ref gate, 1, 0) != 0)
        {
            spin.SpinOnce(sleep1Threshold: -1);
        }
    }
}
