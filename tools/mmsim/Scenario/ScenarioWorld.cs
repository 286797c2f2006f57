// Where a scenario's names lie. Slot n is at SlotBase + n GiB. The top area lies below the fence, a page that merges with
// nothing on a multiple of 512 GiB, and placement starts there. The heap lies between, far from both.

using System.Globalization;
using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Scenario;

/// <summary>The machine that a scenario runs on, with its processes, files, regions and slots by name.</summary>
internal sealed class ScenarioWorld : IDisposable
{
    public const ulong PageBytes = Pfn.PageSizeBytes;
    private const ulong SlotBase = 0x1000_0000_0000;
    private const ulong SlotBytes = 1UL << 30;
    private const int SlotCountMax = 256;
    private const ulong TaskSize = (1UL << 47) - PageBytes;
    private const ulong Fence = 0x7f80_0000_0000;
    private const ulong LibraryDistanceBytes = 1UL << 38;
    private const ulong TopBytes = 1UL << 40;
    private const ulong RecordingBytes = 16UL << 30;
    private const ulong Program = 0x5555_5555_4000;
    private const ulong Heap = 0x5555_5556_0000;
    private const ulong HeapBytes = 1UL << 34;
    private const int ProcessCountMax = 12;
    private const int FileCountMax = 16;

    private readonly string script;
    private readonly Dictionary<string, Process> live = [];
    private readonly HashSet<string> processNames = [];
    private readonly Dictionary<string, VirtAddr> regions = [];
    private readonly Dictionary<string, ScenarioFile> files = [];
    private readonly List<string> slots = [];

    /// <param name="script">The script's name, for messages.</param>
    /// <param name="seed">Of everything random in the machine.</param>
    public ScenarioWorld(string script, ulong seed)
    {
        this.script = script;

        // The recordings come from a machine whose tables have no contiguous bit: access flags are each page's own, and
        // executable memory is read in single pages. Its processes have 47 bits of addresses but for the last page.
        Machine = new Machine(new MachineOptions
        {
            Release = KernelRelease.Linux618,
            FoldsContiguousRuns = false,
            ExecFolioOrder = 0,
            TaskSize = new VirtAddr(TaskSize),
            Seed = seed,
        });

        // What they promise is judged by the memory of a machine on which such recordings are made.
        Machine.Commit.TotalPages = RecordingBytes >> Pfn.PageShift;
        Cpu = Machine.Cpus[0];
        Process main = Machine.CreateProcess(ScenarioParser.MainProcess);
        live.Add(main.Name, main);
        processNames.Add(main.Name);
        main.Memory.State.IsThpDisabled = 1;
        main.Memory.SetStartBrk(new VirtAddr(Heap));
        regions.Add("heap", new VirtAddr(Heap));

        // The program lies below its heap, between it and the slots: what is searched for above the slots ends there.
        main.Memory.Map(
            Cpu.Id, new VirtAddr(Program), PageBytes, MemoryProtection.Read, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        main.Memory.Map(
            Cpu.Id, new VirtAddr(Fence), PageBytes, MemoryProtection.None, MapFlags.Shared | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        VirtAddr above = new(Fence + PageBytes);
        ulong aboveBytes = main.Memory.Options.TaskSize.ToUInt64() - above.ToUInt64();
        main.Memory.Map(
            Cpu.Id, above, aboveBytes, MemoryProtection.None, MapFlags.Private | MapFlags.Anonymous | MapFlags.NoReserve | MapFlags.Fixed, MappedFile.None, 0);
        Main = main;

        // A process's own libraries lie above the fence, under the same level-1 table as what a script maps across it.
        VirtAddr library = new(Fence + LibraryDistanceBytes);
        const MemoryProtection readWrite = MemoryProtection.Read | MemoryProtection.Write;
        main.Memory.Map(Cpu.Id, library, PageBytes, readWrite, MapFlags.Private | MapFlags.Anonymous | MapFlags.Fixed, MappedFile.None, 0);
        Cpu.SwitchTo(main);
        Cpu.TryWrite(library, 1);
        OwnTablePages = main.Tables.PageTablePages;
    }

    public Machine Machine { get; }

    public Cpu Cpu { get; }

    public Process Main { get; }

    /// <summary>Page tables of a process without regions.</summary>
    public int OwnTablePages { get; }

    public IEnumerable<ScenarioFile> Files => files.Values;

    public IEnumerable<Process> Live => live.Values;

    public InputException Error(ScenarioOperation operation, string wrong, string? expected = null) =>
        new(script, operation.Line, wrong, expected);

    public Process GetProcess(ScenarioOperation operation, string name) =>
        live.TryGetValue(name, out Process? process) ? process : throw Error(operation, $"no live process '{name}'");

    public void AddProcess(Process process)
    {
        live.Add(process.Name, process);
        processNames.Add(process.Name);
    }

    public void RemoveProcess(Process process) => live.Remove(process.Name);

    public void CheckNewProcess(ScenarioOperation operation)
    {
        if (processNames.Contains(operation.Name))
        {
            throw Error(operation, $"process '{operation.Name}' exists", "a new name");
        }

        if (processNames.Count == ProcessCountMax)
        {
            throw Error(operation, "too many processes", $"at most {ProcessCountMax}");
        }
    }

    public ScenarioFile GetFile(ScenarioOperation operation, string name) =>
        files.TryGetValue(name, out ScenarioFile? file) ? file : throw Error(operation, $"no file '{name}'");

    public void AddFile(ScenarioOperation operation, ScenarioFile file)
    {
        // The first file of a name is the one that is found.
        if (!files.TryAdd(file.Name, file) || files.Count > FileCountMax)
        {
            throw Error(operation, files.Count > FileCountMax ? "too many files" : $"file '{file.Name}' exists", $"a new name, at most {FileCountMax}");
        }
    }

    public VirtAddr GetAddress(ScenarioOperation operation, string region, long pages) =>
        regions.TryGetValue(region, out VirtAddr address)
            ? new VirtAddr(unchecked(address.ToUInt64() + (ulong)(pages * (long)PageBytes)))
            : throw Error(operation, $"no region '{region}'");

    public void AddRegion(ScenarioOperation operation, string name, VirtAddr address)
    {
        if (!regions.TryAdd(name, address))
        {
            throw Error(operation, $"region '{name}' exists", "a new name");
        }
    }

    public void CheckNewRegion(ScenarioOperation operation, string name)
    {
        if (regions.ContainsKey(name))
        {
            throw Error(operation, $"region '{name}' exists", "a new name");
        }
    }

    public VirtAddr NextSlot(ScenarioOperation operation)
    {
        if (slots.Count == SlotCountMax)
        {
            throw Error(operation, "too many slots", $"at most {SlotCountMax} lines with mmap");
        }

        slots.Add(operation.Name);
        return new VirtAddr(SlotBase + ((ulong)(slots.Count - 1) * SlotBytes));
    }

    /// <summary>How an address is printed: slot, heap or top, and the distance in pages.</summary>
    public string Locate(VirtAddr address)
    {
        ulong value = address.ToUInt64();
        if (value > SlotBase - (SlotBytes / 2) && value < SlotBase + ((ulong)slots.Count * SlotBytes))
        {
            int slot = (int)((value + (SlotBytes / 2) - SlotBase) / SlotBytes);
            long distance = unchecked((long)(value - (SlotBase + ((ulong)slot * SlotBytes)))) / (long)PageBytes;
            string name = slot < slots.Count ? slots[slot] : "";
            return string.Create(CultureInfo.InvariantCulture, $"{name}{distance:+0;-0;+0}");
        }

        return value is >= Heap and <= Heap + HeapBytes
            ? string.Create(CultureInfo.InvariantCulture, $"heap+{(value - Heap) / PageBytes}")
            : value is < Fence and > Fence - TopBytes
            ? string.Create(CultureInfo.InvariantCulture, $"top-{(Fence - value) / PageBytes}")
            : string.Create(CultureInfo.InvariantCulture, $"?{value:x}");
    }

    /// <summary>Whether a VMA lies in slots, heap or top area.</summary>
    public static bool IsShown(VirtAddr start, VirtAddr end)
    {
        ulong from = start.ToUInt64();
        ulong to = end.ToUInt64();
        return (to > SlotBase - (SlotBytes / 2) && from < SlotBase + (SlotCountMax * SlotBytes))
            || from is >= Heap and < Heap + HeapBytes
            || (to <= Fence && from > Fence - TopBytes);
    }

    public void Dispose() => Machine.Dispose();
}
