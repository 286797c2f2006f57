using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Translation;

/// <summary>An image's pages as the naive walker reads them. It takes no update.</summary>
internal readonly struct PageMemory(IReadOnlyDictionary<ulong, ulong[]> pages) : ITableMemory
{
    public bool TryRead(PhysAddr address, out ulong value)
    {
        ulong at = address.ToUInt64();
        value = 0;
        if (!pages.TryGetValue(at & ~4095UL, out ulong[]? page))
        {
            return false;
        }

        value = page[(at & 4095) / 8];
        return true;
    }

    public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found)
    {
        found = 0;
        return false;
    }
}
