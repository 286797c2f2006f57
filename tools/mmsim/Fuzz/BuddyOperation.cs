using System.Globalization;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One step of a sequence. <see cref="Pick"/> chooses among what is possible at that moment, so that any sequence can be run.</summary>
/// <param name="Step">What to do.</param>
/// <param name="Cpu">The CPU that acts, modulo the machine's CPUs.</param>
/// <param name="Order">The order where one is needed, 0..10.</param>
/// <param name="Gfp">The flags where they are needed.</param>
/// <param name="Pick">Which block, pageblock or amount.</param>
public readonly record struct BuddyOperation(BuddyStep Step, int Cpu, int Order, GfpFlags Gfp, uint Pick)
{
    /// <summary>The operation as C#.</summary>
    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture, $"new(BuddyStep.{Step}, {Cpu}, {Order}, (GfpFlags)0x{(uint)Gfp:x}, {Pick})");
}
