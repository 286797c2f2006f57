using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Cgroups;
using Engine.Core.Swap;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Swap;

/// <summary>A machine with swap beside what each process must see: a byte a page. The first pages are private, the rest shared by all.</summary>
internal sealed class SwapModel : IDisposable
{
    private const int PrivatePages = 20;
    private const int SharedPages = 6;
    private const int AllPages = PrivatePages + SharedPages;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr PrivateBase = new(0x1000_0000);
    private static readonly VirtAddr SharedBase = new(0x2000_0000);

    private readonly Machine machine;
    private readonly Cpu cpu;
    private readonly List<(Process Process, byte[] Seen)> processes = [];
    private readonly byte[] shared = new byte[SharedPages];
    private int born = 1;

    public SwapModel(ISwapStore store, KernelRelease release = KernelRelease.Linux69, ulong? limitPages = null)
    {
        machine = new Machine(new MachineOptions { MemoryBytes = 16 << 20, Release = release });
        cpu = machine.Cpus[0];
        Assert.NotNull(machine.Swap.SwapOn(cpu.Id, "/dev/zram0", store));
        Process first = machine.CreateProcess("p0");
        MemoryCgroup? group = limitPages is { } limit ? machine.Cgroups.Create(cpu.Id, "g", limit) : null;
        first.Cgroup = group;
        Map(first, PrivateBase, PrivatePages, MapFlags.Private);
        Map(first, SharedBase, SharedPages, MapFlags.Shared);
        processes.Add((first, new byte[PrivatePages]));
    }

    public Machine Machine => machine;

    public void Apply(SwapStep step)
    {
        int which = step.Process % processes.Count;
        (Process process, byte[] seen) = processes[which];
        int count = Math.Min(step.Count, AllPages - step.Page);
        cpu.SwitchTo(process);
        switch (step.Kind)
        {
            case < 5:
                Each(step.Page, count, page => Write(process, seen, page, step.Value));
                break;
            case < 8:
                Each(step.Page, count, page => Read(process, seen, page));
                break;
            case < 12:
                Advise(process, step.Page, count, MemoryAdvice.PageOut);
                break;
            case 12:
                Advise(process, step.Page, count, step.Value % 2 == 0 ? MemoryAdvice.WillNeed : MemoryAdvice.Cold);
                break;
            case 13:
                Advise(process, step.Page, Math.Min(count, Math.Max(0, PrivatePages - step.Page)), MemoryAdvice.DontNeed);
                Each(step.Page, Math.Min(count, Math.Max(0, PrivatePages - step.Page)), page => seen[page] = 0);
                break;
            case 14 when processes.Count < 4:
                Process? child = process.Fork(cpu.Id, $"p{born++}");
                Assert.NotNull(child);
                processes.Add((child, (byte[])seen.Clone()));
                break;
            case 15 when processes.Count > 1:
                process.Exit(cpu.Id);
                processes.RemoveAt(which);
                break;
            case 16:
                process.Memory.Protect(cpu.Id, AddressOf(step.Page), Bytes(Within(step.Page, count)), step.Value % 2 == 0 ? ReadWrite : MemoryProtection.Read);
                process.Memory.Protect(cpu.Id, AddressOf(step.Page), Bytes(Within(step.Page, count)), ReadWrite);
                break;
            case 17:
                _ = process.Memory.Lock(cpu.Id, AddressOf(step.Page), Bytes(Within(step.Page, count)), isOnFault: false);
                Each(step.Page, Within(step.Page, count), page => Read(process, seen, page));
                process.Memory.Unlock(cpu.Id, AddressOf(step.Page), Bytes(Within(step.Page, count)));
                break;
            default:
                break;
        }

        Assert.DoesNotContain(processes, each => each.Process.IsKilled);
        Assert.Empty(machine.VerifyReclaim());
        Assert.Empty(machine.Log.Items);
    }

    public void CheckAll()
    {
        foreach ((Process process, byte[] seen) in processes)
        {
            cpu.SwitchTo(process);
            Each(0, AllPages, page => Read(process, seen, page));
        }

        Assert.Empty(machine.VerifyReclaim());
        while (processes.Count > 0)
        {
            processes[0].Process.Exit(cpu.Id);
            processes.RemoveAt(0);
        }

        Assert.Empty(machine.VerifyReclaim());
        Assert.Equal(machine.Swap.TotalPages, machine.Swap.FreePages);
        Assert.Equal(0UL, machine.Swap.CachedPages);
        Assert.All(machine.Cgroups.Groups, group => Assert.Equal(0UL, group.UsagePages));
    }

    public void Dispose() => machine.Dispose();

    private static VirtAddr AddressOf(int page) =>
        page < PrivatePages ? PrivateBase + ((ulong)page << Pfn.PageShift) : SharedBase + ((ulong)(page - PrivatePages) << Pfn.PageShift);

    private static int Within(int page, int count) => page < PrivatePages ? Math.Min(count, PrivatePages - page) : count;

    private static ulong Bytes(int pages) => (ulong)pages << Pfn.PageShift;

    private static void Each(int page, int count, Action<int> action)
    {
        for (int i = page; i < page + count; i++)
        {
            action(i);
        }
    }

    private void Map(Process process, VirtAddr address, int pages, MapFlags kind) => Assert.False(process.Memory.Map(
        cpu.Id, address, Bytes(pages), ReadWrite, kind | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0).IsError);

    private void Advise(Process process, int page, int count, MemoryAdvice advice)
    {
        int inPrivate = Within(page, count);
        process.Memory.Advise(cpu.Id, AddressOf(page), Bytes(inPrivate), advice);
        if (inPrivate < count)
        {
            process.Memory.Advise(cpu.Id, SharedBase, Bytes(count - inPrivate), advice);
        }
    }

    private void Write(Process process, byte[] seen, int page, byte value)
    {
        Assert.True(cpu.TryWrite(AddressOf(page), value) <= FaultResult.Major, $"{process.Name} writes page {page}");
        (page < PrivatePages ? seen : shared)[page < PrivatePages ? page : page - PrivatePages] = value;
    }

    private void Read(Process process, byte[] seen, int page)
    {
        Assert.True(cpu.TryRead(AddressOf(page), out byte value) <= FaultResult.Major, $"{process.Name} reads page {page}");
        Assert.Equal(page < PrivatePages ? seen[page] : shared[page - PrivatePages], value);
    }
}
