// Which folio sizes shared memory may use (mm/shmem.c): shared anonymous memory and memfd, which are unlinked files of the kernel's own
// mount. Since Linux 6.12 each size has a setting for faults (shmem_allowable_huge_orders); what is written with pwrite follows the
// mount's setting and may have any size (shmem_huge_global_enabled). Linux 6.9 has the mount's setting alone, and 2 MiB
// (shmem_is_huge). Writing shmem_enabled changes the mount's setting too, but for deny and force.

using System.Numerics;
using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.HugePages;

/// <summary>The settings of shared memory's large folios.</summary>
public sealed class ShmemHugePolicy : IShmemFolioPolicy
{
    /// <summary>The smallest order that a size's setting is about (<c>THP_ORDERS_ALL_FILE_DEFAULT</c>).</summary>
    public const int SmallestOrder = 1;

    private const uint HugeOrderBit = 1u << HugePageOptions.HugeOrder;
    private const uint AllOrders = (HugeOrderBit << 1) - (1u << SmallestOrder);

    private readonly bool hasSizes;
    private readonly ShmemHugeMode[] modes = new ShmemHugeMode[HugePageOptions.HugeOrder + 1];

    // By setting: the sizes that have it.
    private readonly uint[] ordersThat = new uint[(int)ShmemHugeMode.Inherit + 1];
    private ShmemHugeMode enabled;
    private ShmemHugeMode mount;

    /// <summary>All off, but that 2 MiB inherits.</summary>
    /// <param name="release">Whose rules apply.</param>
    internal ShmemHugePolicy(KernelRelease release)
    {
        hasSizes = release != KernelRelease.Linux69;
        this[HugePageOptions.HugeOrder] = ShmemHugeMode.Inherit;
    }

    /// <summary>The setting for all sizes (<c>shmem_enabled</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is set to <see cref="ShmemHugeMode.Inherit"/>.</exception>
    public ShmemHugeMode Enabled
    {
        get => enabled;
        set
        {
            if (value is < ShmemHugeMode.Never or > ShmemHugeMode.Force)
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, "the setting for all sizes is always, within_size, advise, never, deny or force");
            }

            enabled = value;
            mount = value < ShmemHugeMode.Deny ? value : mount;
        }
    }

    /// <summary>The setting of one size (<c>hugepages-*kB/shmem_enabled</c>), which faults alone follow.</summary>
    /// <param name="order">1 to 9.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no folios of this order, or it is set to deny or force.</exception>
    public ShmemHugeMode this[int order]
    {
        get
        {
            CheckOrder(order);
            return modes[order];
        }

        set
        {
            CheckOrder(order);
            modes[order] = value is ShmemHugeMode.Deny or ShmemHugeMode.Force
                ? throw new ArgumentOutOfRangeException(nameof(value), value, "the setting of a size is always, inherit, within_size, advise or never")
                : value;
            Update();
        }
    }

    /// <inheritdoc/>
    public uint OrdersForWrite(FileMapping file, ulong pageIndex, ulong writeEndBytes)
    {
        ArgumentNullException.ThrowIfNull(file);
        uint sizes = hasSizes ? AllOrders : HugeOrderBit;
        return enabled switch
        {
            ShmemHugeMode.Deny => 0,
            ShmemHugeMode.Force => HugeOrderBit,
            _ => mount switch
            {
                ShmemHugeMode.Always => sizes,
                ShmemHugeMode.WithinSize => WithinSize(sizes, file, pageIndex, hasSizes ? writeEndBytes : 0),
                _ => 0,
            },
        };
    }

    /// <summary>The orders that a fault or a collapse in a mapping of shared memory may use, as a mask (<c>shmem_allowable_huge_orders</c>).</summary>
    /// <param name="file">The file.</param>
    /// <param name="flags">The VMA's flags.</param>
    /// <param name="isDisabled">Whether the process has no huge pages (<c>PR_SET_THP_DISABLE</c>).</param>
    /// <param name="pageIndex">Place in the file.</param>
    /// <param name="isForced">Whether it is for MADV_COLLAPSE.</param>
    internal uint OrdersFor(FileMapping file, VmFlags flags, bool isDisabled, ulong pageIndex, bool isForced)
    {
        if (enabled == ShmemHugeMode.Deny || isDisabled || (flags & VmFlags.NoHugePage) != 0)
        {
            return 0;
        }

        uint global = GlobalOrders(file, flags, pageIndex, isForced);
        if (!hasSizes)
        {
            return global;
        }

        if (enabled == ShmemHugeMode.Force)
        {
            return OrdersThat(ShmemHugeMode.Inherit);
        }

        uint orders = OrdersThat(ShmemHugeMode.Always) | WithinSize(OrdersThat(ShmemHugeMode.WithinSize), file, pageIndex, 0);
        orders |= (flags & VmFlags.HugePage) != 0 ? OrdersThat(ShmemHugeMode.Advise) : 0;
        return orders | (global != 0 ? OrdersThat(ShmemHugeMode.Inherit) : 0);
    }

    /// <summary>What a mapping of shared memory is aligned to where the kernel chooses its place (<c>shmem_get_unmapped_area</c>): bytes; 0 for nothing.</summary>
    /// <param name="isNew">Whether the memory is made by the call (shared anonymous): its sizes' settings count since Linux 6.12.</param>
    internal ulong AlignmentBytes(bool isNew)
    {
        const ulong huge = (ulong)Pfn.PageSizeBytes << HugePageOptions.HugeOrder;
        if (enabled is ShmemHugeMode.Deny or ShmemHugeMode.Force)
        {
            return enabled == ShmemHugeMode.Force ? huge : 0;
        }

        uint orders = !hasSizes || !isNew ? 0
            : OrdersThat(ShmemHugeMode.Always) | OrdersThat(ShmemHugeMode.WithinSize) | OrdersThat(ShmemHugeMode.Advise)
            | (mount != ShmemHugeMode.Never ? OrdersThat(ShmemHugeMode.Inherit) : 0);
        return orders != 0 ? (ulong)Pfn.PageSizeBytes << BitOperations.Log2(orders) : mount != ShmemHugeMode.Never ? huge : 0;
    }

    /// <summary>A setting as sysfs shows it.</summary>
    /// <param name="order">0 for the setting of all sizes.</param>
    /// <returns>Null where the release has no such file.</returns>
    internal string? Read(int order) => order == 0
        ? SysfsChoice.Show(["always", "within_size", "advise", "never", "deny", "force"], NameOf(enabled))
        : hasSizes ? SysfsChoice.Show(["always", "inherit", "within_size", "advise", "never"], NameOf(modes[order])) : null;

    /// <summary>Changes a setting as a write to sysfs does.</summary>
    /// <param name="order">0 for the setting of all sizes.</param>
    /// <param name="word">The value.</param>
    internal bool TryWrite(int order, string word)
    {
        ShmemHugeMode mode = Array.Find(Enum.GetValues<ShmemHugeMode>(), candidate => NameOf(candidate) == word);
        bool isKnown = NameOf(mode) == word && (order == 0 ? mode != ShmemHugeMode.Inherit : hasSizes && mode is not (ShmemHugeMode.Deny or ShmemHugeMode.Force));

        // What is forced is 2 MiB: no other size may inherit that.
        isKnown = isKnown && (order == 0 ? mode != ShmemHugeMode.Force || OrdersThat(ShmemHugeMode.Inherit) == HugeOrderBit
            : mode != ShmemHugeMode.Inherit || enabled != ShmemHugeMode.Force || order == HugePageOptions.HugeOrder);
        if (isKnown && order == 0)
        {
            Enabled = mode;
        }
        else if (isKnown)
        {
            this[order] = mode;
        }

        return isKnown;
    }

    // shmem_huge_global_enabled for a mapping, or shmem_is_huge of Linux 6.9.
    private uint GlobalOrders(FileMapping file, VmFlags flags, ulong pageIndex, bool isForced)
    {
        bool isHuge = isForced || enabled == ShmemHugeMode.Force || mount == ShmemHugeMode.Always
            || (mount == ShmemHugeMode.WithinSize && WithinSize(HugeOrderBit, file, pageIndex, 0) != 0)
            || (mount is ShmemHugeMode.WithinSize or ShmemHugeMode.Advise && (flags & VmFlags.HugePage) != 0);
        return isHuge ? HugeOrderBit : 0;
    }

    // shmem_get_orders_within_size: the orders from the largest on whose folio ends within the file.
    private static uint WithinSize(uint orders, FileMapping file, ulong pageIndex, ulong writeEndBytes)
    {
        ulong length = Math.Max(writeEndBytes, file.LengthBytes);
        ulong pages = (length >> Pfn.PageShift) + ((length & (Pfn.PageSizeBytes - 1)) != 0 ? 1UL : 0);
        while (orders != 0)
        {
            int order = BitOperations.Log2(orders);
            if (pages >> order > pageIndex >> order)
            {
                return orders;
            }

            orders &= ~(1u << order);
        }

        return 0;
    }

    private static void CheckOrder(int order)
    {
        if (order is < SmallestOrder or > HugePageOptions.HugeOrder)
        {
            throw new ArgumentOutOfRangeException(nameof(order), order, $"large folios of shared memory have the orders {SmallestOrder} to {HugePageOptions.HugeOrder}");
        }
    }

    private static string NameOf(ShmemHugeMode mode) => mode switch
    {
        ShmemHugeMode.Always => "always",
        ShmemHugeMode.WithinSize => "within_size",
        ShmemHugeMode.Advise => "advise",
        ShmemHugeMode.Deny => "deny",
        ShmemHugeMode.Force => "force",
        ShmemHugeMode.Inherit => "inherit",
        _ => "never",
    };

    private uint OrdersThat(ShmemHugeMode mode) => ordersThat[(int)mode];

    private void Update()
    {
        Array.Clear(ordersThat);
        for (int order = SmallestOrder; order < modes.Length; order++)
        {
            ordersThat[(int)modes[order]] |= 1u << order;
        }
    }
}
