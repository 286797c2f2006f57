using Engine.Core.Arena;
using Engine.Core.Buddy;
using Engine.Core.Diagnostics;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;
using Mmsim.Cli;

namespace Mmsim.Kmem;

/// <summary>The physical side of a machine alone: memory, page allocator and <c>/proc</c>, freshly booted.</summary>
internal sealed class ModelMemory : IDisposable
{
    // Where RAM begins on most arm64 boards.
    private const ulong MemoryStart = 0x4000_0000;

    private ModelMemory(ReadOnlySpan<MemoryBank> banks, PageAllocatorOptions options, RecordedLayout? recorded)
    {
        Memory = new PhysicalMemory(banks);
        try
        {
            Layout = new MemoryLayout(Memory);
            recorded?.ReserveKept(Layout);
            Pages = new PageAllocator(Memory, Layout, new FrameTable(Memory, Layout), Log, options);
            Procfs = new MachineProcfs(Pages);
        }
        catch
        {
            Memory.Dispose();
            throw;
        }
    }

    /// <summary>The arena.</summary>
    public PhysicalMemory Memory { get; }

    /// <summary>What boot carved out.</summary>
    public MemoryLayout Layout { get; }

    /// <summary>Every inconsistency that was found.</summary>
    public CorruptionLog Log { get; } = new();

    /// <summary>The page allocator.</summary>
    public PageAllocator Pages { get; }

    /// <summary>The files of <c>/proc</c>.</summary>
    public MachineProcfs Procfs { get; }

    /// <summary>Boots an arm64 machine with one bank of memory.</summary>
    /// <param name="bytes">RAM, in whole pageblocks of 2 MiB.</param>
    /// <param name="cpuCount">CPUs.</param>
    /// <param name="release">Whose rules.</param>
    /// <exception cref="InputException">Memory is too small for its own metadata.</exception>
    public static ModelMemory Boot(ulong bytes, int cpuCount, KernelRelease release = KernelRelease.Linux69)
    {
        try
        {
            return new ModelMemory([new MemoryBank(new PhysAddr(MemoryStart), bytes)], Deterministic(new PageAllocatorOptions { CpuCount = cpuCount, Release = release }), null);
        }
        catch (ArgumentException error)
        {
            throw new InputException($"--memory: {error.Message}", "more memory, in whole pageblocks of 2M");
        }
    }

    /// <summary>Boots a machine with the zones of a recorded <c>/proc/zoneinfo</c>.</summary>
    /// <param name="path">The file, plain or compressed; <c>-</c> is standard input.</param>
    /// <param name="file">The recording.</param>
    /// <param name="release">Whose rules.</param>
    /// <exception cref="InputException">The file cannot be read, or the model cannot have such zones.</exception>
    public static ModelMemory FromZoneInfo(string path, out ZoneInfoFile file, KernelRelease release = KernelRelease.Linux69)
    {
        try
        {
            file = ZoneInfoFile.Parse(ReadText(path));
            RecordedLayout layout = new(file);
            return new ModelMemory(layout.Banks, Deterministic(layout.Options with { Release = release }), layout);
        }
        catch (ProcFormatException error)
        {
            throw new InputException(path, error.Line, error.Wrong, error.Expected);
        }
        catch (ArgumentException error)
        {
            throw new InputException(path, null, error.Message, "zones that fit the model");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Memory.Dispose();

    /// <summary>The whole text of an input, plain or compressed.</summary>
    public static StringReader ReadText(string path)
    {
        using InputFile input = InputFile.Open(path);
        using MemoryStream bytes = new();
        byte[] buffer = new byte[64 << 10];
        for (int count = input.Read(buffer); count > 0; count = input.Read(buffer))
        {
            bytes.Write(buffer, 0, count);
        }

        return new StringReader(System.Text.Encoding.UTF8.GetString(bytes.GetBuffer(), 0, (int)bytes.Length));
    }

    // One host thread drives all CPUs.
    private static PageAllocatorOptions Deterministic(PageAllocatorOptions options) => options with { IsDeterministic = true };
}
