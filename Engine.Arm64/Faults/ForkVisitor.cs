using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>
/// Gives a child the pages of its parent (<c>copy_present_pte</c>, mm/memory.c): a private page is write-protected in both and no longer
/// exclusive, a shared one starts clean in the child; the child's entries are old.
/// </summary>
internal readonly struct ForkVisitor(UserFrames frames, Process child, CpuId cpu, bool isShared) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!child.Tables.TryPrepare(cpu, address))
        {
            return false;
        }

        if (!descriptor.IsPresent)
        {
            return CopySwap(address, ref descriptor);
        }

        Descriptor entry = descriptor;
        if (isShared)
        {
            entry = entry.MakeClean();
        }
        else
        {
            if (entry.IsWritable)
            {
                descriptor = entry.WriteProtect();
            }

            entry = descriptor;
        }

        frames.Share(child, entry);
        return child.Tables.TryMap(cpu, address, entry.MakeOld());
    }

    // copy_nonpresent_pte: one more refers to the slot, so it is nobody's alone. A slot that cannot be is not copied.
    private bool CopySwap(VirtAddr address, ref Descriptor descriptor)
    {
        if (!descriptor.IsSwap || !frames.Swap.TryDuplicate(UserFrames.ToSwapEntry(descriptor)))
        {
            return true;
        }

        descriptor = Descriptor.ForSwap(descriptor.SwapType, descriptor.SwapOffset, exclusive: false);
        child.Memory.State.SwapEntries++;
        return child.Tables.TryMap(cpu, address, descriptor);
    }
}
