using Engine.Core.Units;

namespace Engine.Core.Buddy;

/// <summary>What one allocation asks for.</summary>
/// <param name="Cpu">The CPU that acts.</param>
/// <param name="Order">The block's order, 0..10.</param>
/// <param name="Gfp">The flags.</param>
/// <param name="Route">What the flags' zone and type bits mean.</param>
internal readonly record struct AllocationRequest(int Cpu, int Order, GfpFlags Gfp, AllocationRoute Route);
