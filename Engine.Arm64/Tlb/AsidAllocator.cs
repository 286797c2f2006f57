// Linux v6.9's ASID allocator for arm64 (arch/arm64/mm/context.c).
//
// A context id is a generation in the upper bits and an ASID in the lower ones. An address space whose generation is current
// keeps its ASID at a switch without a lock. When all ASIDs are taken the generation grows: the map of used ASIDs is rebuilt from what
// runs on the CPUs just then (those keep theirs, as "reserved"), and every CPU flushes its own TLB before it next switches. An
// address space of an older generation gets its old number again if that is still free.

using System.Numerics;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>Gives address spaces their ASIDs.</summary>
public sealed class AsidAllocator
{
    private readonly int bits;
    private readonly bool isolatesKernelTables;
    private readonly ulong[] map;
    private readonly ulong[] pinnedMap;
    private readonly ulong[] active;
    private readonly ulong[] reserved;
    private readonly bool[] flushPending;
    private readonly ulong pinnedMax;
    private ulong pinnedCount;
    private ulong generation;
    private uint next = 1;

    /// <summary>Creates an allocator.</summary>
    /// <param name="bits">8 or 16 (ID_AA64MMFR0_EL1.ASIDBits).</param>
    /// <param name="cpuCount">CPUs of the machine.</param>
    /// <param name="isolatesKernelTables">Whether user space runs with an ASID of its own: only even ones are given.</param>
    /// <exception cref="ArgumentOutOfRangeException">Other bits, or fewer ASIDs than the CPUs need.</exception>
    public AsidAllocator(int bits, int cpuCount, bool isolatesKernelTables = false)
    {
        if (bits is not (8 or 16))
        {
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "an ASID has 8 or 16 bits");
        }

        ulong given = (1UL << bits) / (isolatesKernelTables ? 2u : 1u);
        ArgumentOutOfRangeException.ThrowIfLessThan(cpuCount, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((ulong)cpuCount, given - 2, nameof(cpuCount));
        this.bits = bits;
        this.isolatesKernelTables = isolatesKernelTables;
        map = new ulong[(1 << bits) / 64];
        pinnedMap = new ulong[map.Length];
        active = new ulong[cpuCount];
        reserved = new ulong[cpuCount];
        flushPending = new bool[cpuCount];
        pinnedMax = given - (ulong)cpuCount - 2;
        generation = FirstVersion;
        SetReservedBits();
    }

    /// <summary>How often the generation grew.</summary>
    public ulong RolloverCount { get; private set; }

    /// <summary>ASIDs that may be pinned.</summary>
    public ulong PinnedMax => pinnedMax;

    private ulong FirstVersion => 1UL << bits;

    private ulong AsidMask => FirstVersion - 1;

    /// <summary>A CPU switches to an address space (<c>check_and_switch_context</c>).</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="contextId">The address space's id, 0 at first; it may change.</param>
    /// <param name="isPinned">Whether the address space's ASID is pinned.</param>
    /// <param name="mustFlush">Whether the CPU has to empty its own TLB before it goes on.</param>
    /// <returns>The ASID for TTBR.</returns>
    public Asid Switch(int cpu, ref ulong contextId, bool isPinned, out bool mustFlush)
    {
        mustFlush = false;
        if (active[cpu] == 0 || !IsCurrent(contextId))
        {
            if (!IsCurrent(contextId))
            {
                contextId = NewContext(contextId, isPinned);
            }

            mustFlush = flushPending[cpu];
            flushPending[cpu] = false;
        }

        active[cpu] = contextId;
        return AsidOf(contextId);
    }

    /// <summary>Keeps an address space's ASID over rollovers, as for a device that shares it (<c>arm64_mm_context_get</c>).</summary>
    /// <param name="contextId">The address space's id; it may change.</param>
    /// <returns>False where the limit is reached.</returns>
    public bool TryPin(ref ulong contextId)
    {
        if (pinnedCount >= pinnedMax)
        {
            return false;
        }

        if (!IsCurrent(contextId))
        {
            contextId = NewContext(contextId, isPinned: false);
        }

        pinnedCount++;
        TestAndSet(pinnedMap, (uint)(contextId & AsidMask));
        return true;
    }

    /// <summary>Ends <see cref="TryPin"/> (<c>arm64_mm_context_put</c>).</summary>
    public void Unpin(ulong contextId)
    {
        uint asid = (uint)(contextId & AsidMask);
        pinnedMap[asid / 64] &= ~(1UL << (int)(asid % 64));
        pinnedCount--;
    }

    /// <summary>The ASID of a context id.</summary>
    public Asid AsidOf(ulong contextId) => new((ushort)(contextId & AsidMask));

    private bool IsCurrent(ulong contextId) => (contextId ^ generation) >> bits == 0;

    // new_context
    private ulong NewContext(ulong contextId, bool isPinned)
    {
        if (contextId != 0)
        {
            ulong again = generation | (contextId & AsidMask);
            if (UpdateReserved(contextId, again) || isPinned || !TestAndSet(map, (uint)(contextId & AsidMask)))
            {
                return again;
            }
        }

        uint asid = FindFree(next);
        if (asid == (uint)FirstVersion)
        {
            generation = unchecked(generation + FirstVersion);
            RolloverCount++;
            FlushContext();
            asid = FindFree(1);
        }

        TestAndSet(map, asid);
        next = asid;
        return generation | asid;
    }

    // check_update_reserved_asid: the id may be reserved on several CPUs; all get the new generation.
    private bool UpdateReserved(ulong contextId, ulong again)
    {
        bool isFound = false;
        for (int cpu = 0; cpu < reserved.Length; cpu++)
        {
            if (reserved[cpu] == contextId)
            {
                reserved[cpu] = again;
                isFound = true;
            }
        }

        return isFound;
    }

    // flush_context
    private void FlushContext()
    {
        SetReservedBits();
        for (int cpu = 0; cpu < active.Length; cpu++)
        {
            // A CPU that has not switched since the last rollover still runs what was reserved then.
            ulong running = active[cpu] != 0 ? active[cpu] : reserved[cpu];
            active[cpu] = 0;
            TestAndSet(map, (uint)(running & AsidMask));
            reserved[cpu] = running;
            flushPending[cpu] = true;
        }
    }

    // set_reserved_asid_bits; with isolated kernel tables the odd ones are user space's.
    private void SetReservedBits()
    {
        for (int word = 0; word < map.Length; word++)
        {
            map[word] = pinnedMap[word] | (isolatesKernelTables ? 0xAAAA_AAAA_AAAA_AAAA : 0);
        }
    }

    private uint FindFree(uint from)
    {
        for (uint word = from / 64; word < (uint)map.Length; word++)
        {
            ulong free = ~map[word] & (word == from / 64 ? ulong.MaxValue << (int)(from % 64) : ulong.MaxValue);
            if (free != 0)
            {
                return (word * 64) + (uint)BitOperations.TrailingZeroCount(free);
            }
        }

        return (uint)FirstVersion;
    }

    private static bool TestAndSet(ulong[] bitmap, uint bit)
    {
        ulong mask = 1UL << (int)(bit % 64);
        bool was = (bitmap[bit / 64] & mask) != 0;
        bitmap[bit / 64] |= mask;
        return was;
    }
}
