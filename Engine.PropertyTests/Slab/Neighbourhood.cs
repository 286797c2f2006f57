using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.PropertyTests.Slab;

/// <summary>The bytes around an object, by their distance from its first.</summary>
internal sealed class Neighbourhood(PhysicalMemory memory, PhysAddr address)
{
    public byte this[int distance]
    {
        set => memory.GetRef<byte>(new PhysAddr(unchecked(address.ToUInt64() + (ulong)(long)distance))) = value;
    }
}
