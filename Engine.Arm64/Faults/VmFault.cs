using System.Runtime.CompilerServices;
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

    /// <summary>The VMA. While a fault is handled nothing changes it but its anon_vma and swap read-ahead's memory.</summary>
    public ref readonly VmArea Area;

    /// <summary>The entry as it was when the fault came in.</summary>
    public Descriptor Original;

    /// <summary>The VMA's file; null for anonymous memory.</summary>
    public OpenFile? File;

    /// <summary>The page's entry in its last-level table (<c>vmf->pte</c>); a null reference while there is no such table. Nothing frees tables while a fault is handled.</summary>
    public ref Descriptor Entry;

    /// <summary>A fault of which nothing is known but where it is.</summary>
    public VmFault(Process process, CpuId cpu, VirtAddr address, bool isWrite, FaultOrigin origin, VmAreaRef areaRef, ref readonly VmArea area)
    {
        Process = process;
        Cpu = cpu;
        Address = address;
        IsWrite = isWrite;
        Origin = origin;
        AreaRef = areaRef;
        Area = ref area;
        Original = default;
        File = null;
        Entry = ref Unsafe.NullRef<Descriptor>();
    }

    /// <summary>What the VMA's pages may do (<c>vma->vm_page_prot</c>).</summary>
    public readonly PageAttributes Protection => VmProtection.AttributesOf(Area.Flags, File is { Mapping.IsShmem: false });

    /// <summary>The page tables of the process.</summary>
    public readonly PageTable Tables => Process.Tables;

    /// <summary>An entry with the right to write, where the VMA has it: a debugger's write may come from elsewhere (<c>maybe_mkwrite</c>).</summary>
    public readonly Descriptor MakeWritableIfAllowed(Descriptor entry) => (Area.Flags & VmFlags.Write) != 0 ? entry.MakeWritable() : entry;

    /// <summary>Makes the tables down to the page's entry (<c>pte_alloc</c>).</summary>
    /// <returns>False where there is no memory for a table, or a block is in the way; nothing has changed then.</returns>
    public bool TryPrepareEntry()
    {
        if (Unsafe.IsNullRef(ref Entry))
        {
            Entry = ref Tables.Prepare(Cpu, Address);
        }

        return !Unsafe.IsNullRef(ref Entry);
    }

    /// <summary>The page's entry as it is now (<c>ptep_get</c> again, for <c>pte_same</c>).</summary>
    public readonly Descriptor ReadEntry() => Unsafe.IsNullRef(ref Entry) ? Tables.Read(Address) : Entry;

    /// <summary>Writes the page's entry where its table exists; a contiguous run that the page is in is unfolded (<c>set_pte_at</c>).</summary>
    public readonly void SetEntry(Descriptor entry)
    {
        if (Unsafe.IsNullRef(ref Entry) || Tables.HasLargeLeaves)
        {
            Tables.Set(Address, entry);
            return;
        }

        Entry = entry;
    }

    /// <summary>Writes an entry that differs in access flag, dirtiness and write permission alone (<c>ptep_set_access_flags</c>); in a contiguous run the others follow or the run is unfolded.</summary>
    public readonly void SetAccess(Descriptor entry)
    {
        if (Tables.HasLargeLeaves && Tables.Read(Address).IsContiguous)
        {
            Tables.SetAccessFlags(Address, entry);
            return;
        }

        SetEntry(entry);
    }

    /// <summary>What all handlers use.</summary>
    public readonly UserFrames Frames => Process.Machine.UserFrames;
}
