using Engine.Arm64.Processes;
using Engine.Arm64.Procfs;

namespace Engine.Arm64;

/// <content><c>/proc/PID/clear_refs</c>.</content>
public sealed partial class Process
{
    /// <summary>
    /// Does what a write to <c>/proc/PID/clear_refs</c> does (<c>clear_refs_write</c>, fs/proc/task_mmu.c). The TLBs are not flushed when use is cleared, as in
    /// Linux: a page whose translation a TLB still holds is used again without being marked.
    /// </summary>
    /// <param name="what">What to clear; any other number is refused.</param>
    /// <returns>EINVAL, or success.</returns>
    public SyscallResult ClearReferences(ClearRefs what)
    {
        switch (what)
        {
            case ClearRefs.All or ClearRefs.Anonymous or ClearRefs.Mapped:
                ClearUse(what);
                return SyscallResult.Success;
            case ClearRefs.SoftDirty:
                FlushAll();
                return SyscallResult.Success;
            case ClearRefs.ResidentPeak:
                Memory.State.ResidentPagesPeak = ResidentPages;
                return SyscallResult.Success;
            default:
                return Errno.EINVAL;
        }
    }

    private void ClearUse(ClearRefs what)
    {
        ClearRefsVisitor visitor = new(Machine, Tables);
        foreach (VmAreaRef area in ProcessAreas.Of(this))
        {
            VmArea content = Memory.Areas[area];
            bool isIncluded = what switch
            {
                ClearRefs.Anonymous => content.IsAnonymous,
                ClearRefs.Mapped => !content.IsAnonymous,
                _ => true,
            };
            if (isIncluded && (content.Flags & VmFlags.PfnMap) == 0)
            {
                Tables.Visit(content.Start, content.LengthBytes, ref visitor);
            }
        }
    }
}
