// The kernel's own use of memory while its data change: slabs, vmalloc, user copies, pins, DMA, the page allocator and its worker, on two
// CPUs. No reference says what should come out; a step may fail, and may be reported.

using Engine.Arm64;
using Engine.Arm64.Kernel;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Buddy;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>Random steps of the kernel's own, each decided by one number.</summary>
public sealed class KernelDamageRun : IDisposable
{
    private const ulong MemoryBytes = 96UL << 20;
    private const int CpuCount = 2;
    private const int HeldMax = 64;
    private const ulong UserBytes = 64UL * Pfn.PageSizeBytes;
    private const int DamagePercent = 6;

    private readonly Machine machine = new(new MachineOptions
    {
        MemoryBytes = MemoryBytes,
        CpuCount = CpuCount,
        KernelMap = new KernelMapOptions { Rodata = RodataMode.On },
        Smmu = new SmmuOptions(),
    });

    private readonly List<PhysAddr> objects = [];
    private readonly List<VirtAddr> areas = [];
    private readonly List<(VirtAddr Address, int Pages)> lent = [];
    private readonly List<(Pfn Pfn, Order Order)> blocks = [];
    private readonly List<(DmaAddr Address, ulong Bytes)> mapped = [];
    private readonly List<CoherentBuffer> buffers = [];
    private readonly List<Pfn> pinned = [];
    private readonly SlabCache[] caches;
    private readonly DmaDevice device;
    private readonly Process process;
    private readonly VirtAddr user;

    private KernelDamageRun()
    {
        SlabSystem slabs = SlabSystem.Of(machine.Pages);
        caches =
        [
            slabs.Create("plain", 96),
            slabs.Create("checked", 200, flags: SlabFlags.ConsistencyChecks | SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser),
            slabs.Kmalloc.CacheOf(KmallocFamily.Normal, 1024),
        ];
        device = machine.Kernel.Dma.AddDevice("eth0", 1, DmaProtection.Stage1);
        process = machine.CreateProcess("user");
        const MemoryProtection readWrite = MemoryProtection.Read | MemoryProtection.Write;
        user = process.Memory.Map(new CpuId(0), default, UserBytes, readWrite, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        foreach (Cpu cpu in machine.Cpus)
        {
            cpu.SwitchTo(process);
        }
    }

    /// <summary>Runs steps; whatever it throws is a finding.</summary>
    /// <param name="steps">A number for each.</param>
    public static void Replay(IReadOnlyList<ulong> steps)
    {
        using KernelDamageRun run = new();
        foreach (ulong step in steps)
        {
            SplitMix64 random = new(step);
            if (random.Below(100) < DamagePercent)
            {
                ArenaDamage.Apply(run.machine, random);
            }
            else
            {
                run.Step(random, run.machine.Cpus[random.Below(CpuCount)]);
            }
        }

        run.Finish();
    }

    /// <inheritdoc/>
    public void Dispose() => machine.Dispose();

    private void Step(SplitMix64 random, Cpu cpu)
    {
        switch (random.Below(8))
        {
            case 0:
                StepOfSlab(random, cpu.Id);
                break;
            case 1:
                StepOfVmalloc(random, cpu);
                break;
            case 2:
                StepOfUser(random, cpu);
                break;
            case 3:
                StepOfPins(random, cpu.Id);
                break;
            case 4:
                StepOfDma(random, cpu.Id);
                break;
            case 5:
                StepOfUpkeep(random, cpu.Id);
                break;
            default:
                StepOfPages(random, cpu.Id);
                break;
        }
    }

    // Takes one out of a list; now and then it stays there, and is used again although it is gone.
    private static bool TryTake<T>(SplitMix64 random, List<T> held, out T taken)
    {
        taken = default!;
        if (held.Count == 0)
        {
            return false;
        }

        int index = random.Below(held.Count);
        taken = held[index];
        if (random.Below(32) != 0)
        {
            held.RemoveAt(index);
        }

        return true;
    }

    private static void Keep<T>(List<T> held, T one)
    {
        if (held.Count < HeldMax)
        {
            held.Add(one);
        }
    }

    private void StepOfSlab(SplitMix64 random, CpuId cpu)
    {
        SlabCache cache = caches[random.Below(caches.Length)];
        for (int count = 1 + random.Below(40); count > 0; count--)
        {
            if (random.Below(2) == 0 && cache.TryAllocate(cpu, GfpFlags.Kernel, out PhysAddr address))
            {
                Keep(objects, address);
            }
            else if (TryTake(random, objects, out PhysAddr freed))
            {
                (SlabSystem.Of(machine.Pages).TryFindCache(freed, out SlabCache? owner) ? owner : cache).Free(cpu, freed);
            }
        }

        if (random.Below(8) == 0)
        {
            _ = cache.Verify(out _);
        }
    }

    private void StepOfVmalloc(SplitMix64 random, Cpu cpu)
    {
        Vmalloc vmalloc = machine.Kernel.Vmalloc;
        switch (random.Below(7))
        {
            case 0 or 1:
                if (vmalloc.TryAllocate(cpu.Id, 1 + (ulong)random.Below(1 << 17), GfpFlags.Kernel, VmallocFlags.AllowHuge, 0, out VirtAddr address))
                {
                    Keep(areas, address);
                }

                break;
            case 2 when TryTake(random, areas, out VirtAddr freed):
                vmalloc.Free(cpu.Id, freed);
                break;
            case 3 when areas.Count > 0:
                VirtAddr place = areas[random.Below(areas.Count)] + (ulong)random.Below(1 << 13);
                _ = random.Below(2) == 0 ? machine.Kernel.Access.TryWrite(cpu, place, random.Next()) : machine.Kernel.Access.TryRead(cpu, place, out ulong _);
                break;
            case 4 when blocks.Count > 0:
                Pfn[] frames = [.. blocks.Take(8).Select(block => block.Pfn)];
                if (vmalloc.TryMapRam(cpu.Id, frames, out VirtAddr ram))
                {
                    Keep(lent, (ram, frames.Length));
                }

                break;
            case 5 when TryTake(random, lent, out (VirtAddr Address, int Pages) back):
                vmalloc.UnmapRam(cpu.Id, back.Address, back.Pages);
                break;
            default:
                vmalloc.Purge(cpu.Id);
                _ = vmalloc.Verify();
                break;
        }
    }

    private void StepOfUser(SplitMix64 random, Cpu cpu)
    {
        VirtAddr place = user + (random.Next() % UserBytes);
        byte[] bytes = new byte[1 + random.Below(9000)];
        switch (random.Below(6))
        {
            case 0:
                _ = machine.Kernel.User.CopyToUser(cpu, place, bytes);
                break;
            case 1:
                _ = machine.Kernel.User.CopyFromUser(cpu, bytes, place);
                break;
            case 2:
                _ = machine.Kernel.User.ClearUser(cpu, place, (ulong)bytes.Length);
                break;
            case 3:
                _ = cpu.TryWrite(place, 1);
                break;
            case 4 when process.Fork(cpu.Id, "child") is { } child:
                cpu.SwitchTo(child);
                _ = cpu.TryWrite(place, 2);
                cpu.SwitchTo(process);
                child.Exit(cpu.Id);
                break;
            default:
                _ = process.Memory.Advise(cpu.Id, user, UserBytes / 2, MemoryAdvice.DontNeed);
                break;
        }
    }

    private void StepOfPins(SplitMix64 random, CpuId cpu)
    {
        if (random.Below(2) == 0)
        {
            Pfn[] frames = new Pfn[1 + random.Below(4)];
            VirtAddr start = user + ((ulong)random.Below(60) * Pfn.PageSizeBytes);
            PinFlags flags = PinFlags.Pin | (random.Below(2) == 0 ? PinFlags.Write : PinFlags.None) | (random.Below(2) == 0 ? PinFlags.LongTerm : PinFlags.None);
            _ = machine.Kernel.Pins.TryTake(cpu, process, start, flags, frames, out int count);
            foreach (Pfn frame in frames.AsSpan(0, count))
            {
                Keep(pinned, frame);
            }
        }
        else if (TryTake(random, pinned, out Pfn frame))
        {
            machine.Kernel.Pins.Unpin(cpu, frame, makesDirty: true);
        }
    }

    private void StepOfDma(SplitMix64 random, CpuId cpu)
    {
        DmaApi dma = machine.Kernel.Dma;
        switch (random.Below(6))
        {
            case 0 when blocks.Count > 0:
                ulong bytes = 1 + (ulong)random.Below(6000);
                if (dma.TryMapSingle(cpu, device, blocks[random.Below(blocks.Count)].Pfn.Address, bytes, DmaDirection.Bidirectional, out DmaAddr address))
                {
                    Keep(mapped, (address, bytes));
                }

                break;
            case 1 when TryTake(random, mapped, out (DmaAddr Address, ulong Bytes) single):
                dma.UnmapSingle(cpu, device, single.Address, single.Bytes, DmaDirection.Bidirectional);
                break;
            case 2:
                if (dma.TryAllocateCoherent(cpu, device, 1 + (ulong)random.Below(1 << 15), out CoherentBuffer buffer))
                {
                    Keep(buffers, buffer);
                }

                break;
            case 3 when TryTake(random, buffers, out CoherentBuffer freed):
                dma.FreeCoherent(cpu, device, freed);
                break;
            case 4 when mapped.Count > 0:
                DmaAddr place = mapped[random.Below(mapped.Count)].Address;
                _ = random.Below(2) == 0 ? device.Read(place, new byte[100]) : device.Write(place, new byte[100]);
                _ = machine.Kernel.Smmu!.TakeEvents();
                break;
            default:
                dma.FlushQueues(cpu);
                break;
        }
    }

    private void StepOfPages(SplitMix64 random, CpuId cpu)
    {
        PageAllocator pages = machine.Pages;
        int[] orders = [0, 0, 0, 0, 1, 2, 3, 4, 9];
        for (int count = 1 + random.Below(60); count > 0; count--)
        {
            Order order = new(orders[random.Below(orders.Length)]);
            if (random.Below(2) == 0 && pages.TryAllocate(cpu, order, random.Below(2) == 0 ? GfpFlags.HighUserMovable : GfpFlags.Kernel, out Pfn pfn))
            {
                Keep(blocks, (pfn, order));
            }
            else if (TryTake(random, blocks, out (Pfn Pfn, Order Order) freed))
            {
                if (random.Below(8) == 0)
                {
                    pages.FreeDeferred(cpu, freed.Pfn, freed.Order);
                }
                else
                {
                    pages.Free(cpu, freed.Pfn, freed.Order);
                }
            }
        }
    }

    private void StepOfUpkeep(SplitMix64 random, CpuId cpu)
    {
        PageAllocator pages = machine.Pages;
        switch (random.Below(6))
        {
            case 0:
                pages.DrainAll(cpu);
                break;
            case 1:
                pages.Tick(cpu);
                break;
            case 2:
                _ = pages.RunWorker(200);
                break;
            case 3:
                _ = pages.Compact(cpu, pages.Zones[random.Below(pages.Zones.Count)]);
                break;
            case 4:
                Pfn start = machine.Memory.Start.Pfn + ((uint)random.Below(20) << Order.PageBlockValue);
                if (pages.TryAllocateRange(cpu, start, Order.PageBlock.PageCount))
                {
                    for (uint i = 0; i < Order.PageBlock.PageCount; i++)
                    {
                        pages.Free(cpu, start + i, Order.Zero);
                    }
                }

                break;
            default:
                ArenaDamage.LookAtAll(machine);
                break;
        }
    }

    private void Finish()
    {
        ArenaDamage.LookAtAll(machine);
        foreach (SlabCache cache in caches)
        {
            _ = cache.Verify(out _);
        }

        process.Exit(new CpuId(0));
    }
}
