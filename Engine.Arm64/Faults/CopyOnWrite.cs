using System.Runtime.CompilerServices;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>A write to a page that is mapped read-only (<c>do_wp_page</c>, mm/memory.c).</summary>
internal static class CopyOnWrite
{
    public static FaultResult Handle(ref VmFault fault)
    {
        bool isShared = (fault.Area.Flags & VmFlags.Shared) != 0;
        if (isShared || CanReuse(in fault))
        {
            return Reuse(ref fault);
        }

        return Copy(ref fault);
    }

    /// <summary>Makes a page that is only read the process's own, for a pin (<c>do_wp_page</c> with <c>FAULT_FLAG_UNSHARE</c>).</summary>
    public static FaultResult Unshare(ref VmFault fault) =>
        CanReuse(fault) ? FaultResult.Minor : Copy(ref fault);

    // Who writes to one page after a fork often goes on to the next.
    private static void PrefetchNextSource(in VmFault fault)
    {
        if (!Unsafe.IsNullRef(in fault.Entry) && !PageTable.IsLastOfTable(fault.Address))
        {
            // SAFETY: the entry is not the last of its table.
            Descriptor next = Unsafe.Add(ref fault.Entry, 1);
            if (!next.IsWritable)
            {
                fault.Frames.PrefetchContent(next);
            }
        }
    }

    private static bool CanReuse(in VmFault fault) =>
        fault.Frames.CanReuse(fault.Original, mayReuseLarge: fault.Process.Machine.Options.Release != KernelRelease.Linux69);

    // wp_page_reuse: nobody else sees the frame, or everybody is meant to.
    private static FaultResult Reuse(ref VmFault fault)
    {
        Descriptor entry = fault.MakeWritableIfAllowed(fault.Original.MakeYoung().MakeDirty());
        if ((fault.Area.Flags & VmFlags.Shared) != 0)
        {
            fault.File?.Mapping.SetDirty(fault.Area.PageIndexOf(fault.Address));
        }

        fault.SetAccess(entry);
        fault.Process.FlushPage(fault.Address);
        fault.Process.Faults.CountCause(FaultCause.Reuse);
        return FaultResult.Minor;
    }

    private static FaultResult Copy(ref VmFault fault)
    {
        UserFrames frames = fault.Frames;
        bool isZeroPage = fault.Original.IsSpecial;
        Pfn copy = Pfn.None;
        if (!fault.Process.Memory.PrepareAnonVma(fault.Cpu, fault.AreaRef)
            || !frames.TryAllocate(fault.Cpu, isZeroPage ? GfpFlags.Zero : GfpFlags.None, out copy))
        {
            return FaultResult.OutOfMemory;
        }

        // Reclaim for the new frame may have taken the very page: the access is tried again (pte_same).
        Descriptor now = fault.ReadEntry();
        if (!now.IsPresent || now.Pfn != fault.Original.Pfn)
        {
            frames.Put(fault.Cpu, copy);
            return FaultResult.Minor;
        }

        if (!isZeroPage && !frames.TryCopy(fault.Original.Pfn, copy))
        {
            frames.Put(fault.Cpu, copy);
            return FaultResult.BusAdrErr;
        }

        // Cleared and flushed before the new frame is visible: no CPU may still write through the old one (ptep_clear_flush).
        fault.SetEntry(Descriptor.None);
        fault.Process.FlushPage(fault.Address);
        frames.AddNewAnonymous(fault.Cpu, copy, fault.Process.Memory.Areas[fault.AreaRef], fault.Address);
        Descriptor entry = Descriptor.ForPage(copy, fault.Protection);
        entry = fault.Origin == FaultOrigin.Unshare ? entry : fault.MakeWritableIfAllowed(entry.MakeDirty());
        fault.SetEntry(entry);
        fault.Process.Memory.State.AnonPages++;
        if (!isZeroPage)
        {
            if (UserFrames.IsLocking(fault.Area.Flags))
            {
                frames.SetLocked(fault.Cpu, fault.Original, isLocked: false);
            }

            frames.Unmap(fault.Process, fault.Cpu, fault.Original);
        }

        fault.Process.Faults.CountCause(FaultCause.Cow);
        fault.Process.Machine.Pages.PrefetchNext(fault.Cpu, GfpFlags.HighUserMovable);
        PrefetchNextSource(in fault);
        return FaultResult.Minor;
    }
}
