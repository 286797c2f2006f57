using Engine.Arm64.Kernel;
using Engine.Arm64.Units;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One vmalloc sequence beside intervals and a set of mapped pages.</summary>
public sealed class VmallocRun : SequenceRun<VmallocOperation>
{
    private const ulong MemoryBytes = 32UL << 20;
    private const int CpuCount = 3;
    private const ulong RangePages = 4096;

    private readonly ReferenceMapper mapper = new();
    private readonly SortedDictionary<ulong, (ulong Bytes, bool IsDevice)> live = [];
    private readonly List<(VirtAddr Address, int Pages)> lent = [];
    private readonly Vmalloc vmalloc;

    private VmallocRun()
        : base(MemoryBytes, CpuCount) =>
        vmalloc = new Vmalloc(SlabSystem.Of(Pages), mapper, Vmalloc.DefaultStart, Vmalloc.DefaultStart + (RangePages * Pfn.PageSizeBytes));

    /// <summary>Runs a sequence.</summary>
    /// <exception cref="FuzzMismatchException">vmalloc and the reference disagree.</exception>
    public static void Replay(IReadOnlyList<VmallocOperation> operations)
    {
        using VmallocRun run = new();
        run.Play(operations, verifyEvery: 1);
    }

    /// <inheritdoc/>
    protected override void Apply(VmallocOperation operation)
    {
        CpuId cpu = new(operation.Cpu % CpuCount);
        ulong bytes = (ulong)Math.Max(operation.Bytes, 1);
        switch (operation.Step)
        {
            case VmallocStep.Allocate or VmallocStep.AllocateHuge:
                VmallocFlags flags = operation.Step == VmallocStep.AllocateHuge ? VmallocFlags.AllowHuge : VmallocFlags.None;
                if (vmalloc.TryAllocate(cpu, bytes, GfpFlags.NoWait, flags, 0, out VirtAddr address))
                {
                    live.Add(address.ToUInt64(), (bytes, false));
                }

                break;
            case VmallocStep.AllocateWithoutTables:
                mapper.Room = 0;
                Expect(!vmalloc.TryAllocate(cpu, bytes, GfpFlags.NoWait, VmallocFlags.None, 0, out _), "an area was mapped without page tables");
                mapper.Room = int.MaxValue;
                break;
            case VmallocStep.MapDevice:
                if (vmalloc.TryMapDevice(cpu, new PhysAddr(0x1000_0000 + operation.Pick % 0x1000_0000), bytes, 0, out VirtAddr device))
                {
                    live.Add(device.ToUInt64(), (bytes, true));
                }

                break;
            case VmallocStep.Free when live.Count > 0:
                Free(cpu, live.Keys.ElementAt((int)(operation.Pick % (uint)live.Count)));
                break;
            case VmallocStep.FreeBad:
                vmalloc.Free(cpu, Vmalloc.DefaultStart + (operation.Pick | 1));
                ExpectedReports++;
                break;
            case VmallocStep.MapRam:
                Pfn[] frames = [.. Enumerable.Range(0, 1 + (operation.Bytes % 100)).Select(i => Memory.Start.Pfn + (uint)i)];
                if (vmalloc.TryMapRam(cpu, frames, out VirtAddr mapped))
                {
                    lent.Add((mapped, frames.Length));
                }

                break;
            case VmallocStep.UnmapRam when lent.Count > 0:
                UnmapRam(cpu, (int)(operation.Pick % (uint)lent.Count));
                break;
            case VmallocStep.UnmapRamBad:
                vmalloc.UnmapRam(cpu, Vmalloc.DefaultStart + (operation.Pick | 1), operation.Bytes);
                ExpectedReports++;
                break;
            case VmallocStep.Purge:
                vmalloc.Purge(cpu);
                break;
        }
    }

    private void UnmapRam(CpuId cpu, int index)
    {
        vmalloc.UnmapRam(cpu, lent[index].Address, lent[index].Pages);
        lent.RemoveAt(index);
    }

    private void Free(CpuId cpu, ulong address)
    {
        _ = live.Remove(address, out (ulong Bytes, bool IsDevice) area);
        if (area.IsDevice)
        {
            vmalloc.Unmap(cpu, new VirtAddr(address));
        }
        else
        {
            vmalloc.Free(cpu, new VirtAddr(address));
        }
    }

    /// <inheritdoc/>
    protected override void Verify()
    {
        Expect(vmalloc.Verify() == 0, $"Verify: {Log.Items.LastOrDefault()}");
        ulong end = 0;
        foreach ((ulong address, (ulong bytes, _)) in live)
        {
            ulong first = address & ~(ulong)(Pfn.PageSizeBytes - 1);
            Expect(first >= end, $"the area at 0x{address:x} overlaps the one below, or its guard page");
            end = ((address + bytes + Pfn.PageSizeBytes - 1) & ~(ulong)(Pfn.PageSizeBytes - 1)) + Pfn.PageSizeBytes;
            Expect(mapper.Pages.ContainsKey(first) && mapper.Pages.ContainsKey(end - (2 * Pfn.PageSizeBytes)), $"the area at 0x{address:x} is not mapped");
        }

        foreach ((VirtAddr address, int pages) in lent)
        {
            for (int i = 0; i < pages; i++)
            {
                Expect(
                    mapper.Pages.TryGetValue(address.ToUInt64() + ((ulong)i * Pfn.PageSizeBytes), out ulong physical)
                        && physical == (Memory.Start.Pfn + (uint)i).Address.ToUInt64(),
                    $"page {i} of the short mapping at {address} is not mapped");
            }
        }
    }

    /// <inheritdoc/>
    protected override void Finish()
    {
        while (lent.Count > 0)
        {
            UnmapRam(new CpuId(0), lent.Count - 1);
        }

        foreach (ulong address in live.Keys.ToArray())
        {
            Free(new CpuId(0), address);
        }

        vmalloc.Purge(new CpuId(0));
        Verify();
        Expect(mapper.Pages.Count == 0 && vmalloc.Pages == 0 && !vmalloc.FormatInfo().Split('\n').Any(IsInUse), "something remains mapped although everything was freed");
    }

    // Blocks for short mappings stay for the next one.
    private static bool IsInUse(string line) => line.Length > 0 && !line.EndsWith(" vm_map_ram", StringComparison.Ordinal);
}
