using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Tlb;

/// <summary>
/// The memory of two virtual machines with three address spaces each: stage 2 by VMID, stage 1 by VMID and ASID, 4 KiB granule. Stage 2 maps
/// 32 MiB in blocks, scattered pages, runs, and pages with holes; stage 1's tables lie in the guest's memory.
/// </summary>
internal sealed class GuestMemory
{
    public const int VmCount = 2;
    public const int AsidCount = 3;
    public const int RegionLog2 = 21;
    public const int PageLog2 = 12;
    public const ulong GuestBytes = 32 << 20;

    private const ulong Leaf = (1UL << 10) | (3UL << 8) | (0xFUL << 2) | (3UL << 6);
    private const ulong UserLeaf = (1UL << 10) | (3UL << 8) | (1UL << 6);
    private const ulong NotGlobal = 1UL << 11;
    private const ulong Contiguous = 1UL << 52;

    private readonly Dictionary<ulong, ulong> words = [];
    private ulong freeHost = 0x8000_0000;
    private ulong freeGuest;
    private readonly bool isNested;
    private int vm;

    /// <param name="isNested">Whether there is a stage 2; else the guest's memory is the machine's.</param>
    public GuestMemory(bool isNested)
    {
        this.isNested = isNested;
        for (vm = 0; vm < (isNested ? VmCount : 1); vm++)
        {
            BuildStage2();
            freeGuest = 0;
            for (int asid = 0; asid < AsidCount; asid++)
            {
                BuildStage1(asid);
            }
        }
    }

    /// <summary>VTTBR roots.</summary>
    public ulong[] Stage2Roots { get; } = new ulong[VmCount];

    /// <summary>TTBR0 roots, intermediate addresses, by VM and ASID.</summary>
    public ulong[,] Stage1Roots { get; } = new ulong[VmCount, AsidCount];

    /// <summary>The words.</summary>
    public Image Memory => new(this);

    public ulong Read(ulong address) => words.GetValueOrDefault(address);

    /// <summary>Gives a data page of a guest another frame, or takes it away; nothing is invalidated.</summary>
    public void Remap(int vmid, int page, bool isHole)
    {
        ulong region = (ulong)(uint)page >> (RegionLog2 - PageLog2);
        if (region % 4 is 1 or 3 && region >= 8)
        {
            vm = vmid;
            ulong slot = Stage2Slot((ulong)(uint)page << PageLog2);
            words[slot] = isHole ? 0 : (freeHost += 4096) | Leaf | 3;
        }
    }

    // Two level-1 tables side by side would be 40 bits; the guest's memory needs one entry.
    private void BuildStage2()
    {
        ulong root = freeHost = (freeHost + 0x1FFF) & ~0x1FFFUL;
        freeHost += 0x2000;
        Stage2Roots[vm] = root;
        ulong middle = HostTable();
        words[root] = middle | 3;
        for (ulong region = 0; region < GuestBytes >> RegionLog2; region++)
        {
            ulong target = 0x1_0000_0000UL * (ulong)(uint)(vm + 1) + (region << RegionLog2);
            if (region % 4 == 0)
            {
                words[middle + (region * 8)] = target | Leaf | 1;
                continue;
            }

            ulong pages = HostTable();
            words[middle + (region * 8)] = pages | 3;
            for (ulong page = 0; page < 512; page++)
            {
                ulong scattered = target + ((page * 0x5D % 512) << PageLog2);
                ulong entry = (region % 4) switch
                {
                    2 => (target + (page << PageLog2)) | Leaf | Contiguous | 3,
                    3 when page % 7 == 0 && region >= 8 => 0,
                    _ => scattered | Leaf | 3,
                };
                words[pages + (page * 8)] = entry;
            }
        }
    }

    // At three far places four regions each: pages, a run of runs, a block, and global pages.
    private void BuildStage1(int asid)
    {
        ulong root = GuestTable();
        Stage1Roots[vm, asid] = root;
        foreach (ulong place in (ulong[])[0, 1UL << 30, 1UL << 39])
        {
            for (ulong region = 0; region < 4; region++)
            {
                ulong va = place + (region << RegionLog2);
                ulong target = (16UL << 20) + ((((ulong)(uint)asid + region + (place >> 30)) % 8) << RegionLog2);
                if (region == 2)
                {
                    PutGuest(Descend(root, va, 2) + ((va >> 21) % 512 * 8), target | UserLeaf | NotGlobal | 1);
                    continue;
                }

                ulong table = Descend(root, va, 3);
                for (ulong page = 0; page < 64; page++)
                {
                    ulong flags = region switch { 1 => Contiguous | NotGlobal, 3 => 0, _ => NotGlobal };
                    ulong frame = region == 1 ? page : page * 0x25 % 64;
                    PutGuest(table + (page * 8), (target + (frame << PageLog2)) | UserLeaf | flags | 3);
                }
            }
        }
    }

    private ulong Descend(ulong table, ulong va, int level)
    {
        for (int at = 0; at < level; at++)
        {
            ulong slot = table + ((va >> (39 - (9 * at))) % 512 * 8);
            ulong next = Read(Host(slot)) & ~0xFFFUL;
            if (next == 0)
            {
                next = GuestTable();
                PutGuest(slot, next | 3);
            }

            table = next;
        }

        return table;
    }

    private ulong HostTable() => (freeHost += 4096) - 4096;

    // Tables lie all over the first half, so that every kind of stage 2 mapping holds some.
    private ulong GuestTable()
    {
        ulong found = freeGuest++ * 61 << PageLog2;
        return found < GuestBytes / 2 ? found : throw new InvalidOperationException("more tables than places");
    }

    private void PutGuest(ulong slot, ulong value) => words[Host(slot)] = value;

    private ulong Host(ulong ipa)
    {
        if (!isNested)
        {
            return ipa;
        }

        ulong block = words[(words[Stage2Roots[vm]] & ~0xFFFUL) + ((ipa >> RegionLog2) * 8)];
        return (block & 3) == 1
            ? (block & 0xFFFF_FFE0_0000) + (ipa & 0x1F_FFFF)
            : (words[Stage2Slot(ipa)] & 0xFFFF_FFFF_F000) + (ipa & 0xFFF);
    }

    private ulong Stage2Slot(ulong ipa) =>
        (words[(words[Stage2Roots[vm]] & ~0xFFFUL) + ((ipa >> RegionLog2) * 8)] & 0xFFFF_FFFF_F000) + ((ipa >> PageLog2) % 512 * 8);

    /// <summary>The same as the engine's walker reads it.</summary>
    public readonly struct Image(GuestMemory guest) : ITableMemory
    {
        public bool TryRead(PhysAddr address, out ulong value)
        {
            value = guest.Read(address.ToUInt64());
            return true;
        }

        public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found)
        {
            found = 0;
            return false;
        }
    }
}
