using System.Buffers.Binary;
using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Engine.PropertyTests.PageTables;
using Xunit;

namespace Engine.PropertyTests.Translation;

/// <summary>A small machine's memory as files of every kind, with a user's and a kernel's tables in it, and its registers.</summary>
internal sealed class WalkFixture : IDisposable
{
    public const ulong RamStart = 0x4000_0000;
    public const ulong KernelStart = 0xFFFF_0000_0000_0000;

    private const int PageBytes = 4096;
    private const ulong Tcr = 16 | (16UL << 16) | (3UL << 12) | (3UL << 28) | (2UL << 30) | (5UL << 32) | (1UL << 37);
    private const ulong Mair = 0x0000_0004_0044_FFFF;

    private readonly string folder = Directory.CreateTempSubdirectory("mmsim-walk-").FullName;
    private readonly byte[] ram;

    public WalkFixture()
    {
        using TestTree machine = new(4UL << 20);
        PageTable user = machine.Table;
        Map(user, 0x40_0000, 0x4100_1000, PageAttributes.UserReadExecute);
        Map(user, 0x40_1000, 0x4100_2000, PageAttributes.UserReadWrite);
        Map(user, 0x40_2000, 0x4100_3000, PageAttributes.None);
        user.Set(new VirtAddr(0x40_3000), Descriptor.ForPage(new Pfn(0x41004), PageAttributes.UserReadOnly).MakeOld());
        user.Set(new VirtAddr(0x40_4000), Descriptor.ForSwap(1, 77, exclusive: true));
        Assert.True(PageTable.TryCreate(machine.Allocator, TestTree.Cpu, PageTableKind.Kernel, out PageTable? kernel));
        ulong mapped = (32UL << 20) + (1UL << 16) + PageBytes;
        Assert.Equal(mapped, kernel.MapRange(
            TestTree.Cpu, new VirtAddr(KernelStart), new PhysAddr(RamStart), mapped, PageAttributes.Kernel, MapShapes.Blocks | MapShapes.ContiguousRuns));
        UserRoot = user.Root.Address.ToUInt64();
        KernelRoot = kernel.Root.Address.ToUInt64();
        ram = machine.Memory.GetSpan(new PhysAddr(RamStart), (int)machine.Memory.LengthBytes).ToArray();
    }

    public ulong UserRoot { get; }

    public ulong KernelRoot { get; }

    public string[] RegisterOptions =>
        ["--ttbr0", $"0x{UserRoot:x}", "--ttbr1", $"0x{KernelRoot:x}", "--tcr", $"0x{Tcr:x}", "--mair", $"0x{Mair:x}"];

    public string Path(string name) => System.IO.Path.Combine(folder, name);

    public string Write(string name, byte[] content)
    {
        File.WriteAllBytes(Path(name), content);
        return Path(name);
    }

    public string Write(string name, string content)
    {
        File.WriteAllText(Path(name), content);
        return Path(name);
    }

    public string WriteRaw() => Write("ram.bin", ram) + $"@0x{RamStart:x}";

    /// <summary>The pages that are not empty.</summary>
    public byte[] PageList()
    {
        using MemoryStream list = new();
        Span<byte> address = stackalloc byte[8];
        for (int at = 0; at < ram.Length; at += PageBytes)
        {
            if (ram.AsSpan(at, PageBytes).ContainsAnyExcept((byte)0))
            {
                BinaryPrimitives.WriteUInt64LittleEndian(address, RamStart + (ulong)at);
                list.Write(address);
                list.Write(ram, at, PageBytes);
            }
        }

        return list.ToArray();
    }

    /// <summary>An ELF core of two segments, the second half of memory first; its headers as dump-guest-memory writes them.</summary>
    public byte[] ElfCore()
    {
        const int HeaderBytes = 64;
        const int EntryBytes = 56;
        const int DataStart = HeaderBytes + (2 * EntryBytes);
        byte[] file = new byte[DataStart + ram.Length];
        new byte[] { 0x7F, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1 }.CopyTo(file, 0);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(16), 4);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(18), 183);
        BinaryPrimitives.WriteUInt64LittleEndian(file.AsSpan(32), HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(52), HeaderBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(54), EntryBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(56), 2);
        int half = ram.Length / 2;
        for (int i = 0; i < 2; i++)
        {
            int from = i == 0 ? half : 0;
            Span<byte> entry = file.AsSpan(HeaderBytes + (i * EntryBytes), EntryBytes);
            BinaryPrimitives.WriteUInt32LittleEndian(entry, 1);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[8..], (ulong)(DataStart + (i * half)));
            BinaryPrimitives.WriteUInt64LittleEndian(entry[24..], RamStart + (ulong)from);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[32..], (ulong)half);
            BinaryPrimitives.WriteUInt64LittleEndian(entry[40..], (ulong)half);
            ram.AsSpan(from, half).CopyTo(file.AsSpan(DataStart + (i * half)));
        }

        return file;
    }

    /// <summary>The registers as a capture's context.</summary>
    public string WriteContext() => Write("capture.json", $$"""
        { "contexts": [
            { "name": "other", "cpu": 0, "el": 1, "pan": 0, "ttbr0": "0x0", "ttbr1": "0x0", "tcr": "0x0", "mair": "0x0", "sctlr": "0x1" },
            { "name": "cpu0/el0", "cpu": 0, "el": 0, "pan": 0, "ttbr0": "0x{{UserRoot:x16}}", "ttbr1": "0x{{KernelRoot:x16}}",
              "tcr": "0x{{Tcr:x16}}", "mair": "0x{{Mair:x16}}", "sctlr": "0x0000000034f4d91d" } ] }
        """);

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static void Map(PageTable tree, ulong address, ulong target, PageAttributes attributes) =>
        Assert.True(tree.TryMap(TestTree.Cpu, new VirtAddr(address), new PhysAddr(target).Pfn, attributes));
}
