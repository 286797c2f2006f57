// A lock for the few dozen instructions that a node's lists take. The general-purpose lock costs two interlocked operations and a
// thread lookup; half a stack of objects changes hands in less. A waiter yields after a short spin, so that a holder
// that lost its host CPU gets it back.

using System.Runtime.CompilerServices;

namespace Engine.Core.Slab;

/// <summary>A spin lock (the role of <c>list_lock</c>) and what it protects. The lock is host state: it is never part of the simulated machine.</summary>
internal sealed unsafe class NodeGate
{
    private int isHeld;

    /// <summary>Makes the lock of a cache's lists on one NUMA node.</summary>
    public NodeGate(SlabNode* node, int number)
    {
        Node = node;
        Number = number;
    }

    /// <summary>The lists, in the arena.</summary>
    public SlabNode* Node { get; }

    /// <summary>The NUMA node's number.</summary>
    public int Number { get; }

    /// <summary>Takes the lock; the result releases it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Holder Enter()
    {
        if (Interlocked.CompareExchange(ref isHeld, 1, 0) != 0)
        {
            Wait();
        }

        return new Holder(this);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Wait()
    {
        SpinWait spin = default;
        do
        {
            spin.SpinOnce();
        }
        while (Volatile.Read(ref isHeld) != 0 || Interlocked.CompareExchange(ref isHeld, 1, 0) != 0);
    }

    /// <summary>Releases the lock at the end of a <c>using</c>.</summary>
    internal readonly ref struct Holder
    {
        private readonly NodeGate gate;

        internal Holder(NodeGate gate) => this.gate = gate;

        /// <summary>Releases.</summary>
        public void Dispose() => Volatile.Write(ref gate.isHeld, 0);
    }
}
