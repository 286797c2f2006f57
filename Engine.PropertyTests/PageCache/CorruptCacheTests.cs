// Garbage in the arena never hurts the host: random bits of index nodes, file records and descriptors are flipped, and
// the cache goes on being used. What comes out may be wrong; every call returns, and what is broken is reported.

using System.Runtime.InteropServices;
using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Units;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.PageCache;

public sealed class CorruptCacheTests
{
    private static readonly CpuId Cpu = CacheMachine.Cpu;

    [Fact]
    public void Any_flipped_bits_are_survived()
    {
        int reported = 0;
        int[] seeds = [.. Gen.Choose(0, int.MaxValue).Sample(120)];
        foreach (int seed in seeds)
        {
            reported += Survives(seed) ? 1 : 0;
        }

        Assert.True(reported > seeds.Length / 4, $"only {reported} of {seeds.Length} corruptions were noticed");
    }

    [Theory]
    [InlineData("slot")]
    [InlineData("count")]
    [InlineData("mark")]
    [InlineData("parent")]
    [InlineData("flags")]
    [InlineData("index")]
    [InlineData("cached")]
    public void Verify_notices(string what)
    {
        using CacheMachine machine = new();
        FileMapping file = machine.Open(new MemoryBacking(100 << 12));
        file.Write(Cpu, 0, new byte[80 << 12], out _);
        Assert.Empty(machine.Cache.Verify());
        ref AddressSpaceRecord record = ref machine.Memory.GetRef<AddressSpaceRecord>(file.RecordAddress);
        ref RadixNode root = ref machine.Memory.GetRef<RadixNode>(new PhysAddr(record.Root & ~3UL));
        ref RadixNode leaf = ref machine.Memory.GetRef<RadixNode>(new PhysAddr(root.Slots[1] & ~3UL));
        file.TryFind(70, out Pfn page);
        switch (what)
        {
            case "slot":
                leaf.Slots[3] ^= 64;
                break;
            case "count":
                leaf.Count ^= 1;
                break;
            case "mark":
                leaf.Dirty ^= 4;
                break;
            case "parent":
                leaf.Parent ^= 4096;
                break;
            case "flags":
                machine.Frames[page].Flags ^= PageFlag.Dirty;
                break;
            case "index":
                machine.Frames[page].Index ^= 1;
                break;
            default:
                record.CachedPages++;
                break;
        }

        Assert.NotEmpty(machine.Cache.Verify());
    }

    private static bool Survives(int seed)
    {
        using CacheMachine machine = new(seed % 2 == 0 ? KernelRelease.Linux69 : KernelRelease.Linux618, 16UL << 20);
        FileMapping file = machine.Open(new MemoryBacking(300 << 12), seed % 3 == 0 ? 9 : 0);
        ReadaheadState ra = file.OpenState();
        byte[] bytes = new byte[64 << 12];
        for (ulong page = 0; page < 300; page += 37)
        {
            file.Read(Cpu, ref ra, page << 12, bytes.AsSpan(0, 20000), out _);
            file.Write(Cpu, (page << 12) + 100, bytes.AsSpan(0, 9000), out _);
        }

        ulong state = (ulong)(uint)seed + 1;
        for (int flips = 0; flips < 6; flips++)
        {
            Flip(machine, file, ref state);
        }

        _ = machine.Cache.Verify();
        Use(machine, file, ref ra, bytes, ref state);
        machine.Cache.Close(Cpu, file);
        return machine.Log.Count > 0;
    }

    private static void Use(CacheMachine machine, FileMapping file, ref ReadaheadState ra, byte[] bytes, ref ulong state)
    {
        Pfn[] pages = new Pfn[512];
        for (int i = 0; i < 60; i++)
        {
            ulong page = Next(ref state) % 310;
            switch (Next(ref state) % 9)
            {
                case 0:
                    file.Read(Cpu, ref ra, page << 12, bytes, out _);
                    break;
                case 1:
                    file.Write(Cpu, page << 12, bytes.AsSpan(0, 30000), out _);
                    break;
                case 2:
                    file.Fault(Cpu, ref ra, page, MmapAdvice.Normal, out _);
                    break;
                case 3:
                    file.MapAround(ref ra, new FaultAroundWindow(page & ~15UL, page | 15, 0, 511, true), pages);
                    break;
                case 4:
                    file.PunchHole(Cpu, page << 12, 40000);
                    break;
                case 5:
                    file.Truncate(Cpu, page << 12);
                    break;
                case 6:
                    file.Sync(Cpu);
                    break;
                case 7:
                    file.Invalidate(Cpu, page, page + 50);
                    break;
                default:
                    file.Advise(Cpu, ref ra, FileAdvice.WillNeed, page << 12, 100000);
                    break;
            }
        }

        _ = machine.Cache.Verify();
    }

    // A random bit of the file's record, of a node that it uses, or of a descriptor of a cached frame.
    private static void Flip(CacheMachine machine, FileMapping file, ref ulong state)
    {
        ulong choice = Next(ref state) % 8;
        Span<byte> target;
        if (choice == 0)
        {
            target = machine.Memory.GetSpan(file.RecordAddress, AddressSpaceRecord.SizeBytes);
        }
        else if (choice < 5 && TryPickNode(machine, file, ref state, out PhysAddr node))
        {
            target = machine.Memory.GetSpan(node, RadixNode.SizeBytes);
        }
        else if (file.TryFind(Next(ref state) % 300, out Pfn page))
        {
            target = MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref machine.Frames[page], 1));
        }
        else
        {
            return;
        }

        ulong bit = Next(ref state) % ((ulong)target.Length * 8);
        target[(int)(bit >> 3)] ^= (byte)(1 << (int)(bit & 7));
    }

    private static bool TryPickNode(CacheMachine machine, FileMapping file, ref ulong state, out PhysAddr node)
    {
        ulong entry = machine.Memory.GetRef<AddressSpaceRecord>(file.RecordAddress).Root;
        node = default;
        for (int depth = 0; depth < 3 && RadixEntry.IsNode(entry) && machine.Memory.Contains(new PhysAddr(entry & ~3UL), RadixNode.SizeBytes); depth++)
        {
            node = new PhysAddr(entry & ~3UL);
            entry = machine.Memory.GetRef<RadixNode>(node).Slots[(int)(Next(ref state) % 5)];
        }

        return node != default;
    }

    // xorshift64
    private static ulong Next(ref ulong state)
    {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        return state >> 11;
    }
}
