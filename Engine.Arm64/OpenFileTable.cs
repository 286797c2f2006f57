using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>All open files of a machine, by the number that VMAs hold.</summary>
public sealed class OpenFileTable
{
    private readonly FileCache cache;
    private readonly List<OpenFile?> files = [null];
    private readonly Stack<uint> freeIds = [];

    private readonly FileMappingOptions? options;

    internal OpenFileTable(FileCache cache, FileMappingOptions? options)
    {
        this.cache = cache;
        this.options = options;
    }

    /// <summary>The file with a number; null where none has it, as after the corruption of a VMA.</summary>
    public OpenFile? TryGet(uint id) => id < (uint)files.Count ? files[(int)id] : null;

    /// <summary>Opens a file once more: the same pages, a readahead state of its own.</summary>
    /// <param name="file">The file.</param>
    /// <param name="modes">How this opening may be mapped.</param>
    public OpenFile Reopen(OpenFile file, MappedFileModes modes) => Add(file.Name, file.Mapping, modes);

    /// <summary>The first open file with a name; null where none has it.</summary>
    public OpenFile? TryFind(string name) => files.Find(file => file is { IsSpecialMapping: false } && file.Name == name);

    /// <summary>Opens pages of the kernel that processes map.</summary>
    internal OpenFile? TryOpenSpecial(CpuId cpu, string name, IBackingStore backing) =>
        cache.Open(cpu, backing) is { } mapping ? Add(name, mapping, MappedFileModes.Read, isSpecial: true) : null;

    internal IEnumerable<OpenFile> OpeningsOf(FileMapping mapping) => files.OfType<OpenFile>().Where(file => file.Mapping == mapping);

    internal OpenFile? TryOpen(CpuId cpu, string name, IBackingStore backing, MappedFileModes modes = MappedFileModes.ReadWrite) =>
        cache.Open(cpu, backing, backing.IsPersistent ? options : null) is { } mapping ? Add(name, mapping, modes) : null;

    // The last mapping of a shared anonymous object is gone, and with it the object.
    internal void Close(CpuId cpu, OpenFile file)
    {
        cache.Close(cpu, file.Mapping);
        files[(int)file.Id] = null;
        freeIds.Push(file.Id);
    }

    private OpenFile Add(string name, FileMapping mapping, MappedFileModes modes, bool isSpecial = false)
    {
        if (!freeIds.TryPop(out uint id))
        {
            id = (uint)files.Count;
            files.Add(null);
        }

        OpenFile file = new(id, name, mapping, modes) { IsSpecialMapping = isSpecial };
        files[(int)id] = file;
        return file;
    }
}
