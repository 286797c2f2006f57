using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>One fault on its way through the handlers: the role of <c>struct vm_fault</c> (include/linux/mm.h).</summary>
internal ref struct VmFault
{
    /// <summary>The process that faulted.</summary>
    public Process Process;

    /// <summary>The CPU that it runs on.</summary>
    public CpuId Cpu;

    /// <summary>The address, rounded down to its page.</summary>
    public VirtAddr Address;

    /// <summary>Whether the access writes (<c>FAULT_FLAG_WRITE</c>).</summary>
    public bool IsWrite;

    /// <summary>Who meets the fault.</summary>
    public FaultOrigin Origin;

    /// <summary>The VMA, in the arena.</summary>
    public VmAreaRef AreaRef;

    /// <summary>A copy of the VMA as it was when the fault came in.</summary>
    public VmArea Area;

    /// <summary>The entry as it was when the fault came in.</summary>
    public Descriptor Original;

    /// <summary>The VMA's file; null for anonymous memory.</summary>
    public OpenFile? File;

    /// <summary>What the VMA's pages may do (<c>vma->vm_page_prot</c>).</summary>
    public readonly PageAttributes Protection => VmProtection.AttributesOf(Area.Flags, File is { Mapping.IsShmem: false });

    /// <summary>The page tables of the process.</summary>
    public readonly PageTable Tables => Process.Tables;

    /// <summary>An entry with the right to write, where the VMA has it: a debugger's write may come from elsewhere (<c>maybe_mkwrite</c>).</summary>
    public readonly Descriptor MakeWritableIfAllowed(Descriptor entry) => (Area.Flags & VmFlags.Write) != 0 ? entry.MakeWritable() : entry;

    /// <summary>Writes an entry that differs in access flag, dirtiness and write permission alone (<c>ptep_set_access_flags</c>); in a contiguous run the others follow or the run is unfolded.</summary>
    public readonly void SetAccess(Descriptor entry)
    {
        if (Tables.HasLargeLeaves && Tables.Read(Address).IsContiguous)
        {
            Tables.SetAccessFlags(Address, entry);
            return;
        }

        Tables.Set(Address, entry);
    }

    /// <summary>What all handlers use.</summary>
    public readonly UserFrames Frames => Process.Machine.UserFrames;
}
