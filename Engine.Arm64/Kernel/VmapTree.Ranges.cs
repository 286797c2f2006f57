using Engine.Core.Units;

namespace Engine.Arm64.Kernel;

/// <content>Free ranges that are taken in part and merge when they come back; and the areas themselves.</content>
internal sealed partial class VmapTree
{
    /// <summary>Makes an area that is in no tree yet.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="first">Its first address.</param>
    /// <param name="last">The first address behind it.</param>
    /// <param name="gfp">How hard to try.</param>
    /// <param name="area">The area; 0 where there is none.</param>
    /// <returns>False where there is no memory.</returns>
    public bool TryNew(CpuId cpu, ulong first, ulong last, GfpFlags gfp, out ulong area)
    {
        bool isNew = cache.TryAllocate(cpu, gfp | GfpFlags.Zero, out PhysAddr place);
        area = place.Value;
        if (isNew)
        {
            At(area).Start = first;
            At(area).End = last;
        }

        return isNew;
    }

    /// <summary>Gives an area back that is in no tree any more; 0 is a no-op.</summary>
    public void Delete(CpuId cpu, ulong area)
    {
        if (area != 0)
        {
            cache.Free(cpu, new PhysAddr(area));
        }
    }

    /// <summary>Takes a range out of an area of this tree, at its edge or out of its middle (<c>va_clip</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="found">The area that holds the range.</param>
    /// <param name="first">The range's first address.</param>
    /// <param name="lengthBytes">Bytes.</param>
    /// <param name="gfp">How hard to try.</param>
    /// <param name="area">The range as an area of its own, in no tree.</param>
    /// <returns>False where there is no memory; nothing has changed then.</returns>
    public bool TryTake(CpuId cpu, ulong found, ulong first, ulong lengthBytes, GfpFlags gfp, out ulong area)
    {
        (ulong start, ulong end) = (At(found).Start, At(found).End);
        bool hasBelow = first > start;
        bool hasAbove = first + lengthBytes < end;
        ulong spare = 0;
        if (!TryNew(cpu, first, first + lengthBytes, gfp, out area) || (hasBelow && hasAbove && !TryNew(cpu, first + lengthBytes, end, gfp, out spare)))
        {
            Delete(cpu, area);
            area = 0;
            return false;
        }

        Remove(found);
        if (!hasBelow && !hasAbove)
        {
            Delete(cpu, found);
            return true;
        }

        At(found).Start = hasBelow ? start : first + lengthBytes;
        At(found).End = hasBelow ? first : end;
        Insert(found);
        if (spare != 0)
        {
            Insert(spare);
        }

        return true;
    }

    /// <summary>Adds an area, made one with the areas that end and begin where it begins and ends (<c>merge_or_add_vmap_area</c>).</summary>
    public void Merge(CpuId cpu, ulong area)
    {
        ulong below = FindBefore(At(area).Start);
        if (below != 0 && At(below).End == At(area).Start)
        {
            Remove(below);
            At(area).Start = At(below).Start;
            Delete(cpu, below);
        }

        ulong above = Find(At(area).End);
        if (above != 0)
        {
            Remove(above);
            At(area).End = At(above).End;
            Delete(cpu, above);
        }

        Insert(area);
    }
}
