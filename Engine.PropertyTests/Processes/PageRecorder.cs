using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.PropertyTests.Processes;

/// <summary>Stands for page tables: remembers a token per page, and does with it what it is told.</summary>
internal sealed class PageRecorder : IAddressSpacePages
{
    private const ulong PageBytes = 4096;
    private uint lastFile = 1000;

    /// <summary>The tokens by page number.</summary>
    public SortedDictionary<ulong, int> Tokens { get; } = [];

    /// <summary>VMAs that map each file.</summary>
    public Dictionary<uint, int> FileUses { get; } = [];

    /// <summary>A planted bug: unmapping forgets to unmap.</summary>
    public bool ForgetsUnmap { get; set; }

    /// <summary>The address space, set once it exists.</summary>
    public MemoryMap? Map { get; set; }

    public void BeginUnmap(CpuId cpu)
    {
    }

    public void UnmapPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        CheckInside(area, start, end);
        if (!ForgetsUnmap)
        {
            Drop(start, end);
        }
    }

    public void FreePageTables(CpuId cpu, VirtAddr start, VirtAddr end, VirtAddr floor, VirtAddr ceiling)
    {
        if (floor > start || (ceiling.ToUInt64() != 0 && ceiling < end))
        {
            throw new InvalidOperationException($"{start}-{end} reaches beyond {floor} or {ceiling}");
        }
    }

    public void SplitHugePage(CpuId cpu, VirtAddr address)
    {
    }

    public void ProtectPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, VmFlags oldFlags) => CheckInside(area, start, end);

    public ulong MovePages(CpuId cpu, VmAreaRef from, VirtAddr oldStart, VmAreaRef to, VirtAddr newStart, ulong lengthBytes)
    {
        CheckInside(to, newStart, newStart + lengthBytes);
        ulong first = oldStart.ToUInt64() / PageBytes;
        foreach (ulong page in Tokens.Keys.Where(page => page >= first && page < first + (lengthBytes / PageBytes)).ToArray())
        {
            Tokens.Remove(page, out int token);
            Tokens.Add(((newStart.ToUInt64() / PageBytes) + page) - first, token);
        }

        return lengthBytes;
    }

    public Errno AdvisePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, MemoryAdvice advice)
    {
        CheckInside(area, start, end);
        if (advice is MemoryAdvice.DontNeed or MemoryAdvice.DontNeedLocked)
        {
            Drop(start, end);
        }

        return Errno.None;
    }

    public Errno PopulatePages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, PopulateKind kind)
    {
        CheckInside(area, start, end);
        return Errno.None;
    }

    public void LockPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end) => CheckInside(area, start, end);

    public Errno SyncPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end) => Errno.None;

    public void QueryResidentPages(CpuId cpu, VmAreaRef area, VirtAddr start, VirtAddr end, Span<byte> isResident) => isResident.Clear();

    public bool CopyPages(CpuId cpu, VmAreaRef from, MemoryMap child, VmAreaRef to) => true;

    public Errno CreateSharedAnonymous(CpuId cpu, ulong pageCount, VmFlags flags, out uint file)
    {
        file = ++lastFile;
        return Errno.None;
    }

    public MappedFileModes ModesOf(uint file) => MappedFileModes.ReadWrite;

    public void LinkFile(CpuId cpu, VmAreaRef area)
    {
        uint file = Map!.Areas[area].File;
        FileUses[file] = FileUses.GetValueOrDefault(file) + 1;
    }

    public void UnlinkFile(CpuId cpu, VmAreaRef area) => FileUses[Map!.Areas[area].File]--;

    private void Drop(VirtAddr start, VirtAddr end)
    {
        ulong first = start.ToUInt64() / PageBytes;
        ulong last = end.ToUInt64() / PageBytes;
        foreach (ulong page in Tokens.Keys.Where(page => page >= first && page < last).ToArray())
        {
            Tokens.Remove(page);
        }
    }

    private void CheckInside(VmAreaRef area, VirtAddr start, VirtAddr end)
    {
        VmArea content = Map!.Areas[area];
        if (start < content.Start || end > content.End || start >= end)
        {
            throw new InvalidOperationException($"{start}-{end} does not lie in {content.Start}-{content.End}");
        }
    }
}
