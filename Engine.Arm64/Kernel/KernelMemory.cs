// What a Machine offers of the kernel's own use of memory, in one place.

using Engine.Arm64.Kernel.Access;
using Engine.Arm64.Kernel.Dma;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Kernel.Pins;
using Engine.Arm64.Kernel.Smmu;
using Engine.Arm64.Tlb;
using Engine.Core.Slab;

namespace Engine.Arm64.Kernel;

/// <summary>The kernel's side of a machine. What needs the kernel's map is there where <see cref="MachineOptions.KernelMap"/> was given.</summary>
public sealed class KernelMemory
{
    private readonly KernelMap? map;
    private readonly Vmalloc? vmalloc;

    internal KernelMemory(Machine machine, KernelImage? image)
    {
        Slabs = SlabSystem.Of(machine.Pages);
        Domain = new InnerShareableDomain(machine.Cpus.Select(cpu => cpu.Mmu), machine.Options.Tlb.Costs);
        Flush = new LinuxTlbFlush(Domain) { HasRangeInstructions = machine.Options.HasTlbRangeInstructions };
        if (image is not null)
        {
            map = new KernelMap(machine.Pages, image, machine.Options.KernelMap!.Rodata, Flush);
            vmalloc = new Vmalloc(
                Slabs, new VmallocMapper(map.Tables, Flush), KernelLayout.ModulesStart, KernelLayout.VmallocEnd, KernelLayout.VmallocStart);
            foreach (KernelSegment segment in image.Segments)
            {
                vmalloc.AddEarly(segment.Start, segment.LengthBytes, segment.Physical);
            }

            foreach (Cpu cpu in machine.Cpus)
            {
                cpu.Mmu.Walker.Ttbr1 = map.Tables.Root.Address;
            }
        }

        Access = new KernelAccess(machine);
        User = new UserCopy(machine, new ObjectChecks(Slabs, map, vmalloc));
        Pins = new UserPins(machine);
        Smmu = machine.Options.Smmu is { } smmu ? new SmmuV3(Slabs, smmu) : null;
        Dma = new DmaApi(machine, Slabs, Smmu);
        machine.Pages.Migrator ??= new UserPageMigrator(machine);
    }

    /// <summary>Whether the machine was booted with the kernel's map.</summary>
    public bool HasMap => map is not null;

    /// <summary>The kernel's page tables.</summary>
    /// <exception cref="InvalidOperationException">There is no map.</exception>
    public KernelMap Map => map ?? throw NoMap();

    /// <summary>vmalloc, vmap and ioremap over the kernel's map.</summary>
    /// <exception cref="InvalidOperationException">There is no map.</exception>
    public Vmalloc Vmalloc => vmalloc ?? throw NoMap();

    /// <summary>Where modules are allocated, by <see cref="Vmalloc.TryAllocateIn"/>.</summary>
    public static VmallocRange Modules => new(KernelLayout.ModulesStart, KernelLayout.ModulesEnd);

    /// <summary>Loads and stores of the kernel itself, at EL1 under PAN.</summary>
    public KernelAccess Access { get; }

    /// <summary>Copies between the kernel and the process that runs on a CPU.</summary>
    public UserCopy User { get; }

    /// <summary>Holding user pages in place.</summary>
    public UserPins Pins { get; }

    /// <summary>DMA buffers, and the devices that use them.</summary>
    public DmaApi Dma { get; }

    /// <summary>The SMMU; null where <see cref="MachineOptions.Smmu"/> was not given.</summary>
    public SmmuV3? Smmu { get; }

    /// <summary>What the kernel has printed: oopses, warnings, reports of slab caches; oldest first.</summary>
    public IReadOnlyList<string> Printed => Slabs.Printed;

    /// <summary>The CPUs as answerers of each other's invalidations.</summary>
    internal InnerShareableDomain Domain { get; }

    /// <summary>TLB maintenance over all CPUs. They stand still meanwhile.</summary>
    internal LinuxTlbFlush Flush { get; }

    internal SlabSystem Slabs { get; }

    /// <summary>The map as <c>/sys/kernel/debug/kernel_page_tables</c> prints it.</summary>
    /// <exception cref="InvalidOperationException">There is no map.</exception>
    public string FormatPageTables() => KernelPageTablesText.Write(Slabs.Pages.Memory, Map.Tables.Root.Address);

    private static InvalidOperationException NoMap() => new("the machine has no kernel map; boot it with MachineOptions.KernelMap");
}
