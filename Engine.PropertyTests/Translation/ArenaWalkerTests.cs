using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>The straight walker under the TLB against the general walker, each on its copy of random tables in the arena, which end alike.</summary>
public sealed class ArenaWalkerTests
{
    private const ulong Start = 0x4000_0000;
    private const int LengthBytes = 2 << 20;
    private const ulong Tcr = 16 | (16UL << 16) | (2UL << 30) | (5UL << 32);
    private const ulong HardwareFlags = 3UL << 39;

    [Theory]
    [InlineData(1, false)]
    [InlineData(2, false)]
    [InlineData(3, true)]
    [InlineData(4, true)]
    public void Agrees_with_the_general_walker(ulong seed, bool isHardwareManaged) => RunBoth(seed, isHardwareManaged, isHardwareManaged);

    /// <summary>A walker that is wrong about one register is found out.</summary>
    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_planted_difference_is_caught(bool walkerIsHardwareManaged, bool isHardwareManaged) =>
        Assert.ThrowsAny<Xunit.Sdk.XunitException>(() => RunBoth(1, walkerIsHardwareManaged, isHardwareManaged));

    /// <summary>An empty descriptor ends a walk at its own level, also where the walker has followed no table yet.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void An_empty_place_faults_at_its_level(int level)
    {
        const ulong Address = 0x1234_5678_9000;
        const ulong Table = 3;
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(Start), LengthBytes));
        for (int above = 0; above < level; above++)
        {
            ulong index = (Address >> (39 - (9 * above))) & 511;
            memory.GetRef<ulong>(new PhysAddr(Start + ((ulong)above * 4096) + (index * 8))) = (Start + ((ulong)(above + 1) * 4096)) | Table;
        }

        ArenaWalker walker = new(memory) { Ttbr0 = new PhysAddr(Start) };
        for (int time = 0; time < 2; time++)
        {
            WalkResult found = default;
            found.StartLevel = WalkResult.FromRoot;
            Assert.False(walker.Walk(new VirtAddr(Address), AccessKind.Load, isPrivileged: false, ref found));
            Assert.Equal((0, level, TranslationStop.TranslationFault + level), (found.StartLevel, found.Level, found.FaultStatus));
        }
    }

    private static void RunBoth(ulong seed, bool walkerIsHardwareManaged, bool isHardwareManaged)
    {
        using PhysicalMemory memory = new(new MemoryBank(new PhysAddr(Start), LengthBytes));
        Fill(memory, seed);
        using PhysicalMemory own = new(new MemoryBank(new PhysAddr(Start), LengthBytes));
        Fill(own, seed);
        ArenaMemory tables = new(memory);
        ArenaWalker walker = new(own)
        {
            Ttbr0 = new PhysAddr(Start),
            Ttbr1 = new PhysAddr(Start + 4096),
            SetsAccessFlag = walkerIsHardwareManaged,
            SetsDirtyState = walkerIsHardwareManaged,
        };
        TranslationRegisters registers = new(Start, Start + 4096, Tcr | (isHardwareManaged ? HardwareFlags : 0), 0xFF, 1, ArchitectureProfile.Full);
        int mapped = 0;
        for (ulong i = 0; i < 100_000; i++)
        {
            ulong random = HashedMemory.Mix(seed * 1_000_003 + i);
            ulong address = (random & 1) != 0 ? random >> 16 : random | (0xFFFFUL << 48);
            address = random % 31 == 0 ? random : address;
            TranslationAccess access = new((AccessKind)((random >> 1) & 3), (int)(random >> 3) & 1, UpdatesTables: isHardwareManaged);
            TranslationResult expected = Walker.Translate(ref tables, registers, new VirtAddr(address), access);
            WalkResult found = default;
            found.StartLevel = WalkResult.FromRoot;
            found.WantsPath = (random & 16) != 0;
            bool isMapped = walker.Walk(new VirtAddr(address), access.Kind, access.ExceptionLevel == 1, ref found);
            mapped += isMapped ? 1 : 0;
            Compare(expected, isMapped, found, access, address);
            if (found.WantsPath && expected.IsOk)
            {
                ComparePaths(tables, registers, found, access, address, random);
            }
        }

        Assert.True(mapped > 5_000, $"only {mapped} addresses were mapped");
        for (ulong at = 0; at < LengthBytes; at += 8)
        {
            PhysAddr place = new(Start + at);
            Assert.True(memory.GetRef<ulong>(place) == own.GetRef<ulong>(place), $"the tables differ at {place}");
        }
    }

    // The general walker under a TLB finds the same, from the root and from any table on the way.
    private static void ComparePaths(
        ArenaMemory tables, TranslationRegisters registers, in WalkResult found, in TranslationAccess access, ulong address, ulong random)
    {
        RegisterWalker<ArenaMemory> general = new(tables) { Registers = registers };
        WalkResult own = default;
        own.StartLevel = WalkResult.FromRoot;
        bool startsBelow = found.Level > 0 && (random & 32) != 0;
        if (startsBelow)
        {
            own.StartLevel = 1 + (int)((random >> 6) % (ulong)found.Level);
            own.StartTable = found.NextTables[own.StartLevel];
            own.StartRestrictions = found.Restrictions[own.StartLevel];
        }

        int first = startsBelow ? own.StartLevel : 0;
        Assert.True(general.Walk(new VirtAddr(address), access.Kind, access.ExceptionLevel == 1, ref own));
        Assert.Equal((first, found.Level, found.PageSizeLog2, found.RunSizeLog2), (own.StartLevel, own.Level, own.PageSizeLog2, own.RunSizeLog2));
        Assert.Equal((found.OutputAddress, found.Allowed, found.IsGlobal), (own.OutputAddress, own.Allowed, own.IsGlobal));
        Assert.Equal((found.IsDirtyLater, found.AttributeIndex), (own.IsDirtyLater, own.AttributeIndex));
        for (int level = first; level <= found.Level; level++)
        {
            Assert.Equal(found.DescriptorAddresses[level + 1], own.DescriptorAddresses[level + 1]);
            Assert.True(level == found.Level || found.NextTables[level + 1] == own.NextTables[level + 1]);
        }
    }

    private static void Compare(in TranslationResult expected, bool isMapped, in WalkResult found, in TranslationAccess access, ulong address)
    {
        string place = $"0x{address:x} {access}: {expected.Fault}, {expected.Descriptor}";

        // Refused accesses to what has been accessed before may enter a TLB; others find their fault in the walk.
        bool isDenied = expected.Fault.Kind == FaultKind.Permission && expected.Descriptor.IsYoung;
        Assert.True(isMapped == (expected.IsOk || isDenied), place);
        if (!isMapped)
        {
            Assert.True(expected.Fault.StatusCode == found.FaultStatus, $"{place}, but 0x{found.FaultStatus:x}");
            return;
        }

        int bit = (int)access.Kind + (4 * access.ExceptionLevel);

        // A store that the tables allow has set the dirty state by now; one that they refuse leaves it pending for others.
        bool isAllowed = ((found.Allowed >> bit) & 1) != 0;
        Assert.True(isAllowed == expected.IsOk, $"{place}, allowed 0x{found.Allowed:x}");
        if (expected.IsOk)
        {
            ulong offset = address & ((1UL << found.PageSizeLog2) - 1);
            Assert.Equal(expected.Address, new PhysAddr(found.OutputAddress + offset));
            Assert.Equal((expected.Level, expected.BlockShift, expected.RunShift), (found.Level, found.PageSizeLog2, found.RunSizeLog2));
            Assert.Equal((expected.AttributeIndex, expected.IsGlobal), (found.AttributeIndex, found.IsGlobal));
        }
    }

    // Random descriptors; most tables lie in memory, some do not.
    private static void Fill(PhysicalMemory memory, ulong seed)
    {
        for (ulong at = 0; at < LengthBytes; at += 8)
        {
            ulong random = HashedMemory.Mix((seed << 32) + at);
            ulong kind = random >> 60;
            ulong low = (kind < 12 ? 3UL : kind < 14 ? 1UL : kind) | ((random >> 52) % 8 == 0 ? 0 : 1UL << 10);
            ulong target = (random >> 8) % 16 == 0 ? random & 0x0000_FFFF_FFFF_F000 : Start + ((random >> 12) % (LengthBytes / 4096) * 4096);
            ulong hierarchy = (random & 3) == 0 ? random & (0xFUL << 59) : 0;
            ulong upper = HashedMemory.Mix(random) & ((1UL << 51) | (1UL << 52) | (3UL << 53));
            ulong lower = HashedMemory.Mix(~random) & 0xBFC;
            memory.GetRef<ulong>(new PhysAddr(Start + at)) = hierarchy | upper | target | lower | low;
        }
    }
}
