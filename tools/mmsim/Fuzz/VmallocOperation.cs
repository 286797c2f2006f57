namespace Mmsim.Fuzz;

/// <summary>One step of a vmalloc sequence.</summary>
/// <param name="Step">What it does.</param>
/// <param name="Cpu">Which CPU does it.</param>
/// <param name="Bytes">The size.</param>
/// <param name="Pick">Which live area.</param>
public sealed record VmallocOperation(VmallocStep Step, int Cpu, int Bytes, uint Pick)
{
    /// <summary>C# that makes it.</summary>
    public override string ToString() => $"new(VmallocStep.{Step}, {Cpu}, {Bytes}, {Pick})";
}
