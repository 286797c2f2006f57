using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>
/// Gives a child the pages of its parent (<c>copy_present_pte</c>, mm/memory.c): a private page is write-protected in both and no longer
/// exclusive, a shared one starts clean in the child; the child's entries are old.
/// </summary>
internal readonly struct ForkVisitor(UserFrames frames, Process parent, Process child, VmAreaRef childArea, CpuId cpu, bool isShared) : ILeafVisitor
{
    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        if (!descriptor.IsPresent)
        {
            return true;
        }

        if (!child.Tables.TryPrepare(cpu, address))
        {
            return false;
        }

        Descriptor entry = descriptor;
        if (!isShared && PinnedFork.MustCopy(parent, entry))
        {
            return PinnedFork.TryCopy(cpu, child, childArea, address, entry);
        }

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
}
