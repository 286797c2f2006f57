namespace Mmsim.Fuzz;

/// <summary>One step of a slab sequence.</summary>
/// <param name="Step">What it does.</param>
/// <param name="Cpu">Which CPU does it.</param>
/// <param name="Count">How many objects, or the size in bytes.</param>
/// <param name="Pick">Which live object.</param>
public sealed record SlabOperation(SlabStep Step, int Cpu, int Count, uint Pick)
{
    /// <summary>C# that makes it.</summary>
    public override string ToString() => $"new(SlabStep.{Step}, {Cpu}, {Count}, {Pick})";
}
