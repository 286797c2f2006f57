using System.Runtime.CompilerServices;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;

namespace Engine.Arm64.Faults;

/// <summary>From what a VMA allows to what its descriptors say.</summary>
internal static class VmProtection
{
    /// <summary>
    /// The protection of a VMA's pages (<c>vm_get_page_prot</c>, <c>vma_set_page_prot</c>): a private writable VMA's are read-only until a fault
    /// says otherwise, and so are those of a shared file whose first write must be noticed (<c>vma_wants_writenotify</c>).
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static PageAttributes AttributesOf(VmFlags flags, bool isWriteNotified) => PageAttributes.ForUser(
        read: (flags & VmFlags.Read) != 0,
        write: (flags & VmFlags.Write) != 0,
        execute: (flags & VmFlags.Exec) != 0,
        shared: (flags & VmFlags.Shared) != 0 && !isWriteNotified,
        hasExecuteOnly: false);

    /// <summary>Whether a VMA allows an access (<c>access_error</c> and <c>__do_page_fault</c> in arch/arm64/mm/fault.c, without FEAT_PAN3's EPAN).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Allows(VmFlags flags, AccessKind kind) => kind switch
    {
        AccessKind.Fetch => (flags & VmFlags.Exec) != 0,
        AccessKind.Load => (flags & VmFlags.Access) != 0,
        _ => (flags & VmFlags.Write) != 0,
    };
}
