using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Allocation beyond the object stack's top: <c>___slab_alloc</c>.</content>
public sealed unsafe partial class SlabCache
{
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ulong AllocateSlow(CpuId cpu, GfpFlags gfp)
    {
        SlabCpu* area = GetArea(cpu);
        if (IsDebug)
        {
            return AllocateSized(cpu, gfp, AnyNode, ObjectBytes);
        }

        ulong found = capacity == 0 ? TakeFromCpuSlab(area, cpu, gfp, AnyNode) : TakeFromStack(area, cpu, gfp);
        return Finish(area, found, gfp);
    }

    // What every allocation off the fast path ends with.
    private ulong Finish(SlabCpu* area, ulong found, GfpFlags gfp)
    {
        if (found == 0)
        {
            return 0;
        }

        unchecked
        {
            area->SlowAllocations++;
        }

        if ((gfp & GfpFlags.Zero) != 0)
        {
            arena.Memory.GetSpan(new PhysAddr(found), ObjectBytes).Clear();
        }

        return found;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private SlabCpu* GetArea(CpuId cpu)
    {
        if ((uint)cpu.Value >= (uint)cpus.Length)
        {
            ThrowNoSuchCpu(cpu);
        }

        return cpus[cpu.Value];
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private void ThrowNoSuchCpu(CpuId cpu) => throw new ArgumentOutOfRangeException(nameof(cpu), cpu, $"the machine has {cpus.Length} CPUs");

    private ulong TakeFromStack(SlabCpu* area, CpuId cpu, GfpFlags gfp)
    {
        ulong* stack = (ulong*)(area + 1);
        if (area->Count > capacity)
        {
            Report("object stack's count", AddressOf(area), capacity, area->Count);
            area->Count = 0;
        }

        while (true)
        {
            if (area->Count == 0 && !Refill(area, cpu, gfp))
            {
                return 0;
            }

            ulong candidate = stack[--area->Count];
            if (arena.TryGetSlabOf(candidate, out SlabPage slab) && IsObjectOf(slab, candidate))
            {
                return candidate;
            }

            Report("object stack holds what is no object", AddressOf(area), 0, candidate);
        }
    }

    // Brings at most half a stack, and never more than the CPU slab has: no slab is taken that v6.9 would not take.
    private bool Refill(SlabCpu* area, CpuId cpu, GfpFlags gfp)
    {
        NodeGate home = LocalHome(cpu);
        if (home.Node->BarnChunks != 0 && TryTakeChunk(area, home))
        {
            return true;
        }

        if (!TryReadyFreeList(area, cpu, gfp, AnyNode))
        {
            return false;
        }

        ulong* stack = (ulong*)(area + 1);
        uint wanted = (uint)capacity / 2;
        uint taken = 0;
        ulong head = area->FreeList;
        while (taken < wanted && head != 0)
        {
            stack[wanted - 1 - taken++] = head;
            head = NextFree(area, head);
        }

        area->FreeList = head;
        if (taken < wanted)
        {
            new Span<ulong>(stack + wanted - taken, (int)taken).CopyTo(new Span<ulong>(stack, (int)taken));
        }

        area->Count = taken;
        return taken > 0;
    }

    private ulong TakeFromCpuSlab(SlabCpu* area, CpuId cpu, GfpFlags gfp, int node)
    {
        if (!TryReadyFreeList(area, cpu, gfp, node))
        {
            return 0;
        }

        ulong head = area->FreeList;
        area->FreeList = NextFree(area, head);
        return head;
    }

    // Makes sure that the CPU's freelist begins with an object of the CPU slab, and that this slab is of the node that is asked for.
    private bool TryReadyFreeList(SlabCpu* area, CpuId cpu, GfpFlags gfp, int node)
    {
        if (node != AnyNode && area->Slab != Pfn.None.Value && !IsOnNode(area->Slab, node))
        {
            Deactivate(area, cpu);
        }

        ulong head = area->FreeList;
        if (head == 0)
        {
            return LoadCpuSlab(area, cpu, gfp, node);
        }

        if (IsObjectWithin(head, area->SlabStart, area->SlabBytes) && IsRam(area->SlabStart, area->SlabBytes))
        {
            return true;
        }

        Report("Freechain corrupt", AddressOf(area), area->SlabStart, head);
        ForgetCpuSlab(area);
        return LoadCpuSlab(area, cpu, gfp, node);
    }

    // The object after one of the CPU slab's free objects; 0 at the end, and where the chain leaves the slab.
    private ulong NextFree(SlabCpu* area, ulong free)
    {
        ulong place = unchecked(free + (ulong)Geometry.FreePointerOffset);
        if (!arena.Memory.Contains(new PhysAddr(place), sizeof(ulong)))
        {
            Report("Freechain corrupt", AddressOf(area), 0, free);
            return 0;
        }

        // SAFETY: Contains checked the word.
        ulong next = Decode(Unsafe.ReadUnaligned<ulong>(arena.Memory.Bias + place), place);
        if (next == 0 || IsObjectWithin(next, area->SlabStart, area->SlabBytes))
        {
            return next;
        }

        Report("Freechain corrupt", new PhysAddr(free), 0, next);
        return 0;
    }

    // Makes a slab with free objects the CPU slab, in v6.9's order of preference.
    private bool LoadCpuSlab(SlabCpu* area, CpuId cpu, GfpFlags gfp, int node)
    {
        if (area->Slab != Pfn.None.Value)
        {
            if (arena.TryGetSlab(area->Slab, number, out SlabPage current) && TryTakeList(current, true, out ulong freed))
            {
                area->FreeList = freed;
                return true;
            }

            ForgetCpuSlab(area);
        }

        while (area->Partial != Pfn.None.Value)
        {
            if (!arena.TryGetSlab(area->Partial, number, out SlabPage partial))
            {
                Report("cpu partial list", AddressOf(area), 0, area->Partial);
                area->Partial = Pfn.None.Value;
                area->PartialSlabs = 0;
                break;
            }

            area->Partial = partial.Next;
            area->PartialSlabs = area->PartialSlabs > 0 ? area->PartialSlabs - 1 : 0;
            if (node != AnyNode && partial.Tag.Node != node)
            {
                PutNodePartial(cpu, partial, ListEnd.Tail);
            }
            else if (Freeze(area, partial))
            {
                return true;
            }
        }

        if (TryTakePartial(area, cpu, node, out SlabPage taken) && Freeze(area, taken))
        {
            return true;
        }

        return TryAllocateSlab(cpu, gfp, node, out SlabPage fresh) && Freeze(area, fresh);
    }

    // freeze_slab(): the slab's free objects become the CPU's.
    private bool Freeze(SlabCpu* area, SlabPage slab)
    {
        if (!TryTakeList(slab, true, out ulong list))
        {
            return false;
        }

        area->Slab = slab.Number;
        area->SlabStart = slab.Start;
        area->SlabBytes = slab.LengthBytes;
        area->FreeList = list;
        return true;
    }

    // get_freelist(): takes the whole list; where it is empty, the slab is no longer frozen.
    private bool TryTakeList(SlabPage slab, bool freezes, out ulong list)
    {
        while (true)
        {
            SlabCounters old = slab.Counters;
            if (slab.TryUpdate(old, old.TakenBy(freezes && !old.IsListEmpty)))
            {
                list = old.IsListEmpty ? 0 : AddressOfIndex(slab, old.Head);
                if (list != 0 && !IsObjectOf(slab, list))
                {
                    Report("Freechain corrupt", new PhysAddr(slab.Start), 0, list);
                    list = 0;
                }

                return list != 0;
            }
        }
    }

    private static void ForgetCpuSlab(SlabCpu* area)
    {
        area->Slab = Pfn.None.Value;
        area->FreeList = 0;
        area->SlabStart = 0;
        area->SlabBytes = 0;
    }

    private bool IsRam(ulong start, ulong lengthBytes) => arena.Memory.Contains(new PhysAddr(start), lengthBytes);

    // Scrambling is its own inverse: freelist_ptr_encode() and freelist_ptr_decode().
    private ulong Decode(ulong stored, ulong place) =>
        scramble == 0 ? stored : stored ^ scramble ^ System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(place);

    private ulong AddressOfIndex(SlabPage slab, int index) =>
        slab.Start + (ulong)Geometry.RedLeftPadBytes + ((ulong)(uint)index * (ulong)Geometry.SizeBytes);

    private bool IsObjectOf(SlabPage slab, ulong address) => slab.Tag.Number == number && IsObjectWithin(address, slab.Start, slab.LengthBytes);

    // check_valid_pointer(): at the start of an object, not in the rest at the slab's end.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool IsObjectWithin(ulong address, ulong slabStart, ulong slabBytes)
    {
        ulong place = unchecked(address - slabStart - (ulong)Geometry.RedLeftPadBytes);
        return place < slabBytes && unchecked(place * divisor) < divisor && slabBytes - place >= (ulong)Geometry.SizeBytes;
    }

    private int IndexOf(SlabPage slab, ulong address) =>
        (int)Math.BigMul(divisor, address - slab.Start - (ulong)Geometry.RedLeftPadBytes, out _);

    private PhysAddr AddressOf(void* arenaPointer) => new(unchecked((ulong)((byte*)arenaPointer - arena.Memory.Bias)));

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Report(string reason, PhysAddr address, ulong expected, ulong found) =>
        system.Log.Report(new Corruption(CorruptionCategory.Slab, reason, address, expected, found));
}
