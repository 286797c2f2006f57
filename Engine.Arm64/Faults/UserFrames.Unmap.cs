using System.Runtime.CompilerServices;
using Engine.Arm64.Translation;
using Engine.Core.Diagnostics;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <content>Mappings that go, and the frames that go with the last.</content>
internal sealed partial class UserFrames
{
    /// <summary>Takes one mapping of a frame back, and the reference that it held; the last reference frees it.</summary>
    /// <param name="process">Whose resident set shrinks.</param>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="entry">The entry as it was.</param>
    public void Unmap(Process process, CpuId cpu, Descriptor entry)
    {
        if (entry.IsSpecial)
        {
            return;
        }

        Pfn pfn = entry.Pfn;
        if (!entry.IsBlock && frames.IsValid(pfn) && frames[pfn].MapCount > 0 && IsSmallAnonymous(in frames[pfn]))
        {
            process.Memory.State.AnonPages--;
            DropMapping(cpu, pfn);
            return;
        }

        if (entry.IsBlock ? !IsMappedBlock(pfn) : !frames.IsValid(pfn) || frames[pfn].MapCount <= 0)
        {
            allocator.Log.Report(new Corruption(CorruptionCategory.PageTable, "bad page map", pfn.Address, 1, entry.Value));
            return;
        }

        if (TryGetLargeAnonymous(entry, out Pfn head, out _))
        {
            UnmapLarge(process, cpu, entry, head);
            return;
        }

        if (entry.IsBlock)
        {
            UnmapFileBlock(process, cpu, entry);
            return;
        }

        if ((frames[pfn].Mapping & PageFlag.MappingAnon) != 0)
        {
            process.Memory.State.AnonPages--;
        }
        else
        {
            ref Frame folio = ref frames[head];
            folio.Flags |= entry.IsDirty ? PageFlag.Dirty : 0;
            CountFile(process, ref folio, -1);
        }

        DropMapping(cpu, pfn);
    }

    private void DropMapping(CpuId cpu, Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if (--frame.MapCount == 0 && (frame.Flags & PageFlag.SwapCache) != 0)
        {
            TryFreeSwapCache(pfn, ref frame);
        }

        Put(cpu, pfn);
    }

    // Anonymous memory, and neither head nor tail of a larger folio.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsSmallAnonymous(in Frame frame) =>
        ((frame.Flags & PageFlag.Head) | (frame.Previous & 1)) == 0 && (frame.Mapping & PageFlag.MappingAnon) != 0;

    /// <summary>Gives a reference back; the last one frees the frame.</summary>
    public void Put(CpuId cpu, Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if (frame.RefCount > 1 && (frame.Previous & 1) == 0)
        {
            frame.RefCount--;
            return;
        }

        if (frame.RefCount == 1 && (frame.Flags & PageFlag.Head) == 0 && (frame.Previous & 1) == 0)
        {
            lru.Forget(pfn, ref frame);
            if (frame.MemcgData != 0)
            {
                lru.Cgroups?.Uncharge(ref frame, 1);
            }

            frame.Flags = 0;
            frame.Mapping = 0;
            frame.Next = 0;
            frame.Previous = 0;
            allocator.Free(cpu, pfn, Order.Zero);
            return;
        }

        files.Put(cpu, pfn);
    }
}
