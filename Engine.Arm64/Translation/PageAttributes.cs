using System.Globalization;

namespace Engine.Arm64.Translation;

/// <summary>
/// A leaf descriptor without its address: Linux's <c>pgprot_t</c> on arm64 v6.9 (arch/arm64/include/asm/pgtable-prot.h).
/// The writable ones are writable-clean: bit 51 and AP[2] both set, so that the first write marks them dirty.
/// </summary>
public readonly record struct PageAttributes
{
    // _PROT_DEFAULT with MT_NORMAL (index 0).
    private const ulong Default = Descriptor.ValidBit | Descriptor.TableBit | Descriptor.AccessFlagBit | Descriptor.InnerShareable;
    private const ulong UserReadOnlyExec = Default | Descriptor.UserBit | Descriptor.ReadOnlyBit | Descriptor.NotGlobalBit | Descriptor.PxnBit;

    /// <summary><c>PAGE_READONLY</c>: EL0 reads.</summary>
    public static PageAttributes UserReadOnly => new(UserReadOnlyExec | Descriptor.UxnBit);

    /// <summary><c>PAGE_SHARED</c>: EL0 reads and writes.</summary>
    public static PageAttributes UserReadWrite => new(UserReadOnlyExec | Descriptor.UxnBit | Descriptor.DirtyBitModifierBit);

    /// <summary><c>PAGE_READONLY_EXEC</c>: EL0 reads and executes.</summary>
    public static PageAttributes UserReadExecute => new(UserReadOnlyExec);

    /// <summary><c>PAGE_SHARED_EXEC</c>: EL0 reads, writes and executes.</summary>
    public static PageAttributes UserReadWriteExecute => new(UserReadOnlyExec | Descriptor.DirtyBitModifierBit);

    /// <summary><c>PAGE_EXECONLY</c>: EL0 executes only; needs FEAT_PAN3 to keep EL1 out.</summary>
    public static PageAttributes UserExecuteOnly => new(UserReadOnlyExec & ~Descriptor.UserBit);

    /// <summary><c>PAGE_NONE</c>: mapped, and no access at all.</summary>
    public static PageAttributes None => new(
        (Default & ~Descriptor.ValidBit) | Descriptor.ProtNoneBit | Descriptor.ReadOnlyBit | Descriptor.NotGlobalBit | Descriptor.PxnBit | Descriptor.UxnBit);

    /// <summary><c>PAGE_KERNEL</c>: EL1 reads and writes; dirty from the start.</summary>
    public static PageAttributes Kernel => new(
        Default | Descriptor.PxnBit | Descriptor.UxnBit | Descriptor.DirtyBitModifierBit | Descriptor.SoftwareDirtyBit);

    /// <summary><c>PAGE_KERNEL_RO</c>: EL1 reads.</summary>
    public static PageAttributes KernelReadOnly => new(
        Default | Descriptor.PxnBit | Descriptor.UxnBit | Descriptor.ReadOnlyBit | Descriptor.SoftwareDirtyBit);

    /// <summary><c>PAGE_KERNEL_ROX</c>: EL1 reads and executes.</summary>
    public static PageAttributes KernelReadExecute => new(Default | Descriptor.UxnBit | Descriptor.ReadOnlyBit | Descriptor.SoftwareDirtyBit);

    internal readonly ulong Value;

    /// <summary>Wraps attribute bits.</summary>
    /// <param name="value">A descriptor without its address.</param>
    public PageAttributes(ulong value) => Value = value & ~Descriptor.AddressMask;

    /// <summary>The attribute bits at their places in a descriptor.</summary>
    public ulong ToUInt64() => Value;

    /// <summary>The protection of a mapping (<c>vm_get_page_prot</c>, <c>protection_map</c> in arch/arm64/mm/mmap.c).</summary>
    /// <param name="read">VM_READ.</param>
    /// <param name="write">VM_WRITE.</param>
    /// <param name="execute">VM_EXEC.</param>
    /// <param name="shared">VM_SHARED: without it a writable mapping starts read-only, for copy-on-write.</param>
    /// <param name="hasExecuteOnly">The CPU has FEAT_PAN3, so execute-only mappings are honoured.</param>
    public static PageAttributes ForUser(bool read, bool write, bool execute, bool shared, bool hasExecuteOnly)
    {
        if (!read && !write && !execute)
        {
            return None;
        }

        if (execute && !read && !write && hasExecuteOnly)
        {
            return UserExecuteOnly;
        }

        bool writable = write && shared;
        return execute
            ? writable ? UserReadWriteExecute : UserReadExecute
            : writable ? UserReadWrite : UserReadOnly;
    }

    /// <summary>These attributes with the memory type of another MAIR byte.</summary>
    /// <param name="index">0..7.</param>
    public PageAttributes WithAttributeIndex(int index) =>
        new((Value & ~Descriptor.AttributeIndexMask) | (((ulong)(uint)index << Descriptor.AttributeIndexShift) & Descriptor.AttributeIndexMask));

    /// <summary>These attributes with nG set: for one ASID only.</summary>
    public PageAttributes WithNotGlobal() => new(Value | Descriptor.NotGlobalBit);

    /// <summary>Hexadecimal.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"0x{Value:x16}");
}
