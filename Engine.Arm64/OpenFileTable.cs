using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>All open files of a machine, by the number that VMAs hold.</summary>
public sealed class OpenFileTable
{
    private readonly FileCache cache;
    private readonly List<OpenFile?> files = [null];

    internal OpenFileTable(FileCache cache) => this.cache = cache;

    /// <summary>The file with a number; null where none has it, as after the corruption of a VMA.</summary>
    public OpenFile? TryGet(uint id) => id < (uint)files.Count ? files[(int)id] : null;

    internal OpenFile? TryOpen(CpuId cpu, string name, IBackingStore backing)
    {
        if (cache.Open(cpu, backing) is not { } mapping)
        {
            return null;
        }

        OpenFile file = new((uint)files.Count, name, mapping);
        files.Add(file);
        return file;
    }
}
