using Engine.Arm64.PageTables;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.PageWalk;

/// <summary>Makes entries clean and read-only, so that the next write is noticed (<c>page_vma_mkclean_one</c>, mm/rmap.c).</summary>
internal struct CleanVisitor(PageTable tables) : ILeafVisitor
{
    /// <summary>Entries that were dirty or writable.</summary>
    public int Cleaned { get; private set; }

    public bool Visit(VirtAddr address, int level, ref Descriptor descriptor)
    {
        bool isPage = level == PageTable.LastLevel;
        if (isPage && descriptor.IsContiguous)
        {
            tables.UnfoldAt(address); // each page is dirty then that was in a dirty run
        }

        if (descriptor.IsPresent && (descriptor.IsDirty || descriptor.IsWritable))
        {
            descriptor = descriptor.WriteProtect().MakeClean();
            Cleaned++;
            if (isPage && tables.EndsRun(address, descriptor))
            {
                tables.TryFoldAt(address);
            }
        }

        return true;
    }
}
