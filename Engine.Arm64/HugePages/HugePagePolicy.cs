// Which folio sizes a fault may use. Linux keeps three masks of orders, one for each setting but never, and a VMA's flags choose
// among them (huge_anon_orders_always, _madvise, _inherit; thp_vma_allowable_orders in include/linux/huge_mm.h). A fault
// needs two words and two ANDs to know that it may use none.

using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.HugePages;

/// <summary>The settings under <c>/sys/kernel/mm/transparent_hugepage</c> of a machine.</summary>
public sealed class HugePagePolicy
{
    private const string Sizes = "hugepages-";

    private readonly HugePageMode[] modes = new HugePageMode[HugePageOptions.HugeOrder + 1];
    private HugePageMode enabled;
    private uint plainOrders;
    private uint advisedOrders;

    internal HugePagePolicy(HugePageOptions options, KernelRelease release)
    {
        Shmem = new ShmemHugePolicy(release);
        modes[HugePageOptions.HugeOrder] = HugePageMode.Inherit;
        foreach ((int order, HugePageMode mode) in options.Sizes)
        {
            CheckOrder(order);
            modes[order] = mode;
        }

        Enabled = options.Enabled;
        Defrag = options.Defrag;
        UsesZeroPage = options.UsesZeroPage;
        CollapseEmptyMax = options.CollapseEmptyMax;
        CollapseSharedMax = options.CollapseSharedMax;
    }

    /// <summary>The setting for all sizes that inherit (<c>enabled</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is set to <see cref="HugePageMode.Inherit"/>.</exception>
    public HugePageMode Enabled
    {
        get => enabled;
        set
        {
            if (value is not (HugePageMode.Never or HugePageMode.Madvise or HugePageMode.Always))
            {
                throw new ArgumentOutOfRangeException(nameof(value), value, "the setting for all sizes is never, madvise or always");
            }

            enabled = value;
            Update();
        }
    }

    /// <summary>The settings of shared memory (<c>shmem_enabled</c>).</summary>
    public ShmemHugePolicy Shmem { get; }

    /// <summary>What a fault may do to find memory (<c>defrag</c>).</summary>
    public HugePageDefrag Defrag { get; set; }

    /// <summary>Whether a read fault may map the huge zero page (<c>use_zero_page</c>).</summary>
    public bool UsesZeroPage { get; set; }

    /// <summary>Pages that khugepaged may add to what is mapped (<c>khugepaged/max_ptes_none</c>).</summary>
    public int CollapseEmptyMax { get; set; }

    /// <summary>Pages that others may map as well for khugepaged to collapse (<c>khugepaged/max_ptes_shared</c>).</summary>
    public int CollapseSharedMax { get; set; }

    /// <summary>The setting of one size (<c>hugepages-*kB/enabled</c>).</summary>
    /// <param name="order">2 to 9.</param>
    /// <exception cref="ArgumentOutOfRangeException">There are no folios of this order.</exception>
    public HugePageMode this[int order]
    {
        get
        {
            CheckOrder(order);
            return modes[order];
        }

        set
        {
            CheckOrder(order);
            modes[order] = value;
            Update();
        }
    }

    /// <summary>A setting as sysfs shows it: all values, the chosen one in brackets.</summary>
    /// <param name="path">Below <c>transparent_hugepage</c>: <c>enabled</c>, <c>defrag</c>, <c>use_zero_page</c>, <c>hpage_pmd_size</c>, <c>hugepages-64kB/enabled</c>, <c>shmem_enabled</c>, <c>hugepages-64kB/shmem_enabled</c>, …</param>
    /// <returns>Null where there is no such file.</returns>
    public string? Read(string path) => path switch
    {
        "enabled" => SysfsChoice.Show(["always", "madvise", "never"], NameOf(enabled)),
        "defrag" => SysfsChoice.Show(["always", "defer", "defer+madvise", "madvise", "never"], NameOf(Defrag)),
        "use_zero_page" => UsesZeroPage ? "1\n" : "0\n",
        "hpage_pmd_size" => $"{Pfn.PageSizeBytes << HugePageOptions.HugeOrder}\n",
        "shmem_enabled" => Shmem.Read(0),
        _ => TryParseSize(path, "enabled", HugePageOptions.SmallestOrder, out int order) ? SysfsChoice.Show(["always", "inherit", "madvise", "never"], NameOf(modes[order]))
            : TryParseSize(path, "shmem_enabled", ShmemHugePolicy.SmallestOrder, out order) ? Shmem.Read(order) : null,
    };

    /// <summary>Changes a setting as a write to sysfs does.</summary>
    /// <param name="path">As for <see cref="Read"/>.</param>
    /// <param name="value">One of the values that <see cref="Read"/> shows, with or without an end of line.</param>
    /// <returns>False where there is no such file or value (<c>ENOENT</c>, <c>EINVAL</c>).</returns>
    public bool TryWrite(string path, string value)
    {
        string word = value.TrimEnd('\n');
        switch (path)
        {
            case "enabled" when TryParse(word, out HugePageMode mode) && mode != HugePageMode.Inherit:
                Enabled = mode;
                return true;
            case "defrag":
                foreach (HugePageDefrag defrag in Enum.GetValues<HugePageDefrag>())
                {
                    if (NameOf(defrag) == word)
                    {
                        Defrag = defrag;
                        return true;
                    }
                }

                return false;
            case "use_zero_page" when word is "0" or "1":
                UsesZeroPage = word == "1";
                return true;
            case "shmem_enabled":
                return Shmem.TryWrite(0, word);
            case var _ when TryParseSize(path, "shmem_enabled", ShmemHugePolicy.SmallestOrder, out int shared):
                return Shmem.TryWrite(shared, word);
            default:
                if (!TryParseSize(path, "enabled", HugePageOptions.SmallestOrder, out int order) || !TryParse(word, out HugePageMode size))
                {
                    return false;
                }

                this[order] = size;
                return true;
        }
    }

    /// <summary>The orders that a fault in a private anonymous VMA may use, as a mask: bit k for order k (<c>thp_vma_allowable_orders</c> with <c>TVA_IN_PF | TVA_ENFORCE_SYSFS</c>).</summary>
    internal uint OrdersFor(VmFlags flags, bool isDisabled)
    {
        uint orders = (flags & VmFlags.HugePage) != 0 ? advisedOrders : plainOrders;
        return orders == 0 || isDisabled || (flags & VmFlags.NoHugePage) != 0 ? 0 : orders;
    }

    /// <summary>Whether a VMA can hold a large folio of some size that is on (<c>THPeligible</c> of smaps, <c>thp_vma_allowable_orders</c> with <c>TVA_SMAPS</c>).</summary>
    /// <param name="area">The VMA.</param>
    /// <param name="isDisabled">Whether the process has no huge pages.</param>
    /// <param name="file">What it maps; null for anonymous memory. Of files only shared memory can: khugepaged leaves others alone.</param>
    internal bool IsEligible(in VmArea area, bool isDisabled, FileMapping? file = null)
    {
        bool isShared = file is { IsShmem: true };
        if ((!area.IsAnonymous && !isShared) || (area.Flags & (VmFlags.Special | VmFlags.HugeTlb)) != 0)
        {
            return false;
        }

        uint orders = isShared
            ? Shmem.OrdersFor(file!, area.Flags, isDisabled, area.PageOffset, isForced: false)
            : OrdersFor(area.Flags, isDisabled);
        for (int order = ShmemHugePolicy.SmallestOrder; order <= HugePageOptions.HugeOrder; order++)
        {
            ulong bytes = (ulong)Pfn.PageSizeBytes << order;
            if ((orders >> order & 1) != 0 && area.LengthBytes >= bytes && area.HasRoomFor(area.Start + (area.LengthBytes - bytes), order))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Whether a VMA may hold 2 MiB pages at all, whatever sysfs says (<c>thp_vma_allowable_order</c> for MADV_COLLAPSE).</summary>
    internal static bool MayCollapse(VmFlags flags, bool isDisabled) =>
        !isDisabled && (flags & (VmFlags.NoHugePage | VmFlags.Special | VmFlags.HugeTlb)) == 0;

    /// <summary>How a large folio is asked for (<c>vma_thp_gfp_mask</c>).</summary>
    internal GfpFlags GfpFor(VmFlags flags)
    {
        bool isAdvised = (flags & VmFlags.HugePage) != 0;
        return Defrag switch
        {
            HugePageDefrag.Always => GfpFlags.TransHuge | (isAdvised ? GfpFlags.None : GfpFlags.NoRetry),
            HugePageDefrag.Defer => GfpFlags.TransHugeLight | GfpFlags.KswapdReclaim,
            HugePageDefrag.DeferMadvise => GfpFlags.TransHugeLight | (isAdvised ? GfpFlags.DirectReclaim : GfpFlags.KswapdReclaim),
            HugePageDefrag.Madvise => GfpFlags.TransHugeLight | (isAdvised ? GfpFlags.DirectReclaim : GfpFlags.None),
            _ => GfpFlags.TransHugeLight,
        };
    }

    private static void CheckOrder(int order)
    {
        if (order is < HugePageOptions.SmallestOrder or > HugePageOptions.HugeOrder)
        {
            throw new ArgumentOutOfRangeException(nameof(order), order, $"large folios have the orders {HugePageOptions.SmallestOrder} to {HugePageOptions.HugeOrder}");
        }
    }

    private static string NameOf(HugePageMode mode) => mode switch
    {
        HugePageMode.Always => "always",
        HugePageMode.Inherit => "inherit",
        HugePageMode.Madvise => "madvise",
        _ => "never",
    };

    private static string NameOf(HugePageDefrag defrag) => defrag switch
    {
        HugePageDefrag.Always => "always",
        HugePageDefrag.Defer => "defer",
        HugePageDefrag.DeferMadvise => "defer+madvise",
        HugePageDefrag.Madvise => "madvise",
        _ => "never",
    };

    private static bool TryParse(string word, out HugePageMode mode)
    {
        mode = word switch
        {
            "always" => HugePageMode.Always,
            "inherit" => HugePageMode.Inherit,
            "madvise" => HugePageMode.Madvise,
            _ => HugePageMode.Never,
        };
        return mode != HugePageMode.Never || word == "never";
    }

    private static bool TryParseSize(string path, string file, int smallest, out int order)
    {
        for (order = smallest; order <= HugePageOptions.HugeOrder; order++)
        {
            if (path == $"{Sizes}{(Pfn.PageSizeBytes >> 10) << order}kB/{file}")
            {
                return true;
            }
        }

        return false;
    }

    private void Update()
    {
        uint plain = 0;
        uint advised = 0;
        for (int order = HugePageOptions.SmallestOrder; order < modes.Length; order++)
        {
            HugePageMode mode = modes[order] == HugePageMode.Inherit ? enabled : modes[order];
            plain |= mode == HugePageMode.Always ? 1u << order : 0;
            advised |= mode != HugePageMode.Never ? 1u << order : 0;
        }

        plainOrders = plain;
        advisedOrders = advised;
    }
}
