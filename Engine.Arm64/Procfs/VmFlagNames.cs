using System.Numerics;
using System.Text;
using Engine.Arm64.Processes;

namespace Engine.Arm64.Procfs;

/// <summary>The two-letter codes of VMA flags (<c>show_smap_vma_flags</c>, fs/proc/task_mmu.c).</summary>
internal static class VmFlagNames
{
    // By bit; a flag that Linux does not know there prints as two question marks. VM_SOFTDIRTY (bit 27) is no flag on arm64, whose kernels
    // of that time have no soft-dirty state.
    private static readonly string?[] Codes = MakeCodes();

    /// <summary>Appends the line <c>VmFlags:</c>, each code followed by a blank.</summary>
    public static void AppendLine(StringBuilder text, VmFlags flags)
    {
        text.Append("VmFlags: ");
        for (ulong left = (ulong)flags & ~(ulong)VmFlags.SoftDirty; left != 0; left &= left - 1)
        {
            text.Append(Codes[BitOperations.TrailingZeroCount(left)] ?? "??").Append(' ');
        }

        text.Append('\n');
    }

    private static string?[] MakeCodes()
    {
        string?[] codes = new string?[64];
        (VmFlags Flag, string Code)[] known =
        [
            (VmFlags.Read, "rd"), (VmFlags.Write, "wr"), (VmFlags.Exec, "ex"), (VmFlags.Shared, "sh"),
            (VmFlags.MayRead, "mr"), (VmFlags.MayWrite, "mw"), (VmFlags.MayExec, "me"), (VmFlags.MayShare, "ms"),
            (VmFlags.GrowsDown, "gd"), (VmFlags.PfnMap, "pf"), (VmFlags.Locked, "lo"), (VmFlags.Io, "io"),
            (VmFlags.SequentialRead, "sr"), (VmFlags.RandomRead, "rr"), (VmFlags.DontCopy, "dc"), (VmFlags.DontExpand, "de"),
            (VmFlags.LockOnFault, "lf"), (VmFlags.Account, "ac"), (VmFlags.NoReserve, "nr"), (VmFlags.HugeTlb, "ht"),
            (VmFlags.Sync, "sf"), (VmFlags.WipeOnFork, "wf"), (VmFlags.DontDump, "dd"), (VmFlags.MixedMap, "mm"),
            (VmFlags.HugePage, "hg"), (VmFlags.NoHugePage, "nh"), (VmFlags.Mergeable, "mg"),
        ];
        foreach ((VmFlags flag, string code) in known)
        {
            codes[BitOperations.TrailingZeroCount((ulong)flag)] = code;
        }

        return codes;
    }
}
