using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Counters and limits.</content>
public sealed unsafe partial class MemoryMap
{
    // Private, writable, no stack (is_data_mapping).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsData(VmFlags flags) => (flags & (VmFlags.Write | VmFlags.Shared | VmFlags.GrowsDown)) == VmFlags.Write;

    private static bool IsExec(VmFlags flags) => (flags & (VmFlags.Exec | VmFlags.Write | VmFlags.GrowsDown)) == VmFlags.Exec;

    private static bool IsStack(VmFlags flags) => (flags & VmFlags.GrowsDown) != 0;

    // What the commit charge counts from the start: private and writable, and not without reserve (accountable_mapping).
    private static bool IsAccountable(VmFlags flags) =>
        (flags & (VmFlags.NoReserve | VmFlags.Shared | VmFlags.Write)) == VmFlags.Write;

    // RLIMIT_AS and RLIMIT_DATA (may_expand_vm).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayExpand(VmFlags flags, ulong pageCount)
    {
        bool fits = pageCount <= (Limits.AddressSpaceBytes >> Pfn.PageShift)
            && mm->TotalPages <= (Limits.AddressSpaceBytes >> Pfn.PageShift) - pageCount;
        return fits
            && (!IsData(flags)
                || (pageCount <= (Limits.DataBytes >> Pfn.PageShift)
                    && mm->DataPages <= (Limits.DataBytes >> Pfn.PageShift) - pageCount));
    }

    // RLIMIT_MEMLOCK for what would be locked from its birth (mlock_future_ok).
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool MayLock(VmFlags flags, ulong lengthBytes) =>
        (flags & VmFlags.Locked) == 0
        || Limits.MayLock
        || unchecked((lengthBytes >> Pfn.PageShift) + mm->LockedPages) <= Limits.LockedBytes >> Pfn.PageShift;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryCharge(CpuId cpu, ulong pageCount) => commit.TryCharge(cpu, pageCount, Limits.IsAdmin, mm->TotalPages);

    // vm_stat_account. The counters lie in the arena and may be garbage, so they wrap.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CountPages(VmFlags flags, ulong pageCount)
    {
        AddPages(flags, pageCount);
        mm->TotalPagesPeak = Math.Max(mm->TotalPagesPeak, mm->TotalPages);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void DiscountPages(VmFlags flags, ulong pageCount) => AddPages(flags, unchecked(0 - pageCount));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void AddPages(VmFlags flags, ulong pageCount)
    {
        unchecked
        {
            mm->TotalPages += pageCount;
            if (IsExec(flags))
            {
                mm->ExecPages += pageCount;
            }
            else if (IsStack(flags))
            {
                mm->StackPages += pageCount;
            }
            else if (IsData(flags))
            {
                mm->DataPages += pageCount;
            }
        }
    }

    // Counts pages of a VMA that comes or grows, if it is locked.
    private void CountLockedPages(VmFlags flags, ulong pageCount) =>
        mm->LockedPages = unchecked(mm->LockedPages + ((flags & VmFlags.Locked) != 0 ? pageCount : 0));
}
