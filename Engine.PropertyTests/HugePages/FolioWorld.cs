using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.PageTables;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Swap;
using Engine.Core.Units;
using Xunit.Sdk;

namespace Engine.PropertyTests.HugePages;

/// <summary>
/// A machine beside an abstract memory: for each process one byte a page. Every step is done on both; every read is compared, and after each
/// step what frames say is compared with the page tables.
/// </summary>
internal sealed class FolioWorld : IDisposable
{
    /// <summary>Pages of a process: three times 2 MiB, and some that do not fill a folio.</summary>
    public const int PageCount = 1600;

    private const ulong PageBytes = 4096;
    private const int ProcessCountMax = 4;
    private const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private static readonly VirtAddr Base = new(0x1000_0000_0000);

    private readonly Machine machine;
    private readonly Cpu cpu;
    private readonly List<(Process Process, byte[] Bytes)> live = [];
    private readonly FolioBug bug;

    public FolioWorld(KernelRelease release, IReadOnlyDictionary<int, HugePageMode> sizes, FolioBug bug = FolioBug.None, BreakBeforeMakeLevel? tableChecks = null)
    {
        this.bug = bug;
        machine = new Machine(new MachineOptions
        {
            MemoryBytes = 64 << 20,
            Release = release,
            TableChecks = tableChecks,
            HugePages = new HugePageOptions { Enabled = HugePageMode.Always, Sizes = sizes },
        });
        cpu = machine.Cpus[0];
        machine.Swap.SwapOn(cpu.Id, "swap", new MemorySwapStore(16 << 20));
        Process main = machine.CreateProcess("main");
        Map(main, 0, PageCount);
        live.Add((main, new byte[PageCount]));
    }

    /// <summary>The machine.</summary>
    public Machine Machine => machine;

    /// <summary>Does one step on both sides.</summary>
    public void Step(FolioOperation operation)
    {
        (Process process, byte[] bytes) = live[operation.Process % live.Count];
        cpu.SwitchTo(process);
        int page = operation.Page % PageCount;
        int count = Math.Min(Math.Max(operation.Count, 1), PageCount - page);
        switch (operation.Kind)
        {
            case FolioOperationKind.Write:
                Expect(cpu.TryWrite(At(page), operation.Value) <= FaultResult.Major, "write");
                bytes[page] = operation.Value;
                break;
            case FolioOperationKind.Read:
                Compare(bytes, page);
                break;
            case FolioOperationKind.Fork when live.Count < ProcessCountMax:
                live.Add((process.Fork(cpu.Id, "child")!, [.. bytes]));
                break;
            case FolioOperationKind.Exit when live.Count > 1:
                live.RemoveAt(operation.Process % live.Count);
                process.Exit(cpu.Id);
                break;
            case FolioOperationKind.Background:
                machine.SplitDeferredFolios(cpu.Id);
                machine.CollapseHugePages(cpu.Id, 1);
                break;
            default:
                Change(operation.Kind, process, bytes, page, count);
                break;
        }

        if (bug == FolioBug.DropsOneMapping && operation.Kind == FolioOperationKind.Protect)
        {
            process.Tables.ClearPages(At(page), PageBytes);
        }
    }

    /// <summary>Compares every page of every process, and recounts all mappings.</summary>
    public void Verify()
    {
        IReadOnlyList<Core.Diagnostics.Corruption> findings = machine.VerifyMappings();
        Expect(findings.Count == 0, findings.Count == 0 ? "" : string.Join("; ", findings.Take(3)));
        Expect(machine.Log.Count == 0, $"{machine.Log.Count} corruptions reported");
        IReadOnlyList<Core.Diagnostics.Corruption> reclaim = machine.VerifyReclaim();
        Expect(reclaim.Count == 0, string.Join("; ", reclaim.Take(3)));
        Expect(machine.PageCache.Verify().Count == 0, "page cache");
    }

    /// <summary>Reads every page of every process.</summary>
    public void CompareAll()
    {
        foreach ((Process process, byte[] bytes) in live)
        {
            cpu.SwitchTo(process);
            for (int page = 0; page < PageCount; page++)
            {
                Compare(bytes, page);
            }
        }
    }

    public void Dispose() => machine.Dispose();

    private void Change(FolioOperationKind kind, Process process, byte[] bytes, int page, int count)
    {
        ulong lengthBytes = (ulong)count * PageBytes;
        switch (kind)
        {
            case FolioOperationKind.Drop:
                Expect(!process.Memory.Advise(cpu.Id, At(page), lengthBytes, MemoryAdvice.DontNeed).IsError, "DONTNEED");
                bytes.AsSpan(page, count).Clear();
                break;
            case FolioOperationKind.Unmap:
                Expect(!process.Memory.Unmap(cpu.Id, At(page), lengthBytes).IsError, "munmap");
                Map(process, page, count);
                bytes.AsSpan(page, count).Clear();
                break;
            case FolioOperationKind.Protect:
                Expect(!process.Memory.Protect(cpu.Id, At(page), lengthBytes, MemoryProtection.None).IsError, "mprotect");
                Expect(cpu.TryRead(At(page), out _) == FaultResult.SegvAccErr, "no access");
                Expect(!process.Memory.Protect(cpu.Id, At(page), lengthBytes, ReadWrite).IsError, "mprotect");
                break;
            case FolioOperationKind.Move:
                Move(process, bytes, page, count);
                break;
            case FolioOperationKind.Cold:
                Expect(!process.Memory.Advise(cpu.Id, At(page), lengthBytes, MemoryAdvice.Cold).IsError, "COLD");
                break;
            case FolioOperationKind.PageOut:
                Expect(!process.Memory.Advise(cpu.Id, At(page), lengthBytes, MemoryAdvice.PageOut).IsError, "PAGEOUT");
                break;
            case FolioOperationKind.Collapse:
                process.Memory.Advise(cpu.Id, At(page), lengthBytes, MemoryAdvice.Collapse); // may be refused
                break;
            default:
                break;
        }
    }

    // To a place that begins as the source, or a page later, modulo 2 MiB; the source gets new memory.
    private void Move(Process process, byte[] bytes, int page, int count)
    {
        int shift = (page & 1) == 0 ? 512 : 13;
        int to = page < PageCount / 2 ? page + shift : page - shift;
        count = Math.Min(count, Math.Min(shift, PageCount - Math.Max(page, to)));
        if (to < 0 || count <= 0)
        {
            return;
        }

        ulong lengthBytes = (ulong)count * PageBytes;
        SyscallResult moved = process.Memory.Remap(cpu.Id, At(page), lengthBytes, lengthBytes, RemapFlags.MayMove | RemapFlags.Fixed, At(to));
        if (moved.IsError)
        {
            return; // the piece lies in several VMAs
        }

        bytes.AsSpan(page, count).CopyTo(bytes.AsSpan(to));
        bytes.AsSpan(page, count).Clear();
        Map(process, page, count);
    }

    private void Map(Process process, int page, int count)
    {
        MapFlags flags = MapFlags.Private | MapFlags.Anonymous | MapFlags.FixedNoReplace;
        Expect(!process.Memory.Map(cpu.Id, At(page), (ulong)count * PageBytes, ReadWrite, flags, MappedFile.None, 0).IsError, "mmap");
    }

    private void Compare(byte[] bytes, int page)
    {
        FaultResult result = cpu.TryRead(At(page), out byte value);
        Expect(result <= FaultResult.Major && value == bytes[page], $"page {page}: {value} ({result}), expected {bytes[page]}");
    }

    private static VirtAddr At(int page) => Base + ((ulong)page * PageBytes);

    private static void Expect(bool isTrue, string what)
    {
        if (!isTrue)
        {
            throw new XunitException(what);
        }
    }
}
