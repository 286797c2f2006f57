using Engine.Core.Units;
using Engine.Core.Zones;

namespace Engine.Core.Buddy;

/// <summary>What one allocation asks for, decoded (<c>struct alloc_context</c>).</summary>
/// <param name="Cpu">The CPU that acts.</param>
/// <param name="Order">The block's order, 0..10.</param>
/// <param name="Gfp">The flags.</param>
/// <param name="Type">The migrate type.</param>
/// <param name="Highest">The highest zone allowed, as a number (<c>highest_zoneidx</c>).</param>
/// <param name="PreferredNode">The node of the zone that is tried first.</param>
/// <param name="Zones">The zones in the order tried; those above <paramref name="Highest"/> are skipped.</param>
internal readonly record struct AllocationRequest(
    int Cpu, int Order, GfpFlags Gfp, MigrateType Type, int Highest, int PreferredNode, Zone[] Zones);
