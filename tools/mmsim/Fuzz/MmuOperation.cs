using Engine.Arm64.Translation;

namespace Mmsim.Fuzz;

/// <summary>One step of an MMU sequence.</summary>
/// <param name="Step">What it does.</param>
/// <param name="Pick">Which address, descriptor or address space.</param>
/// <param name="Kind">The access.</param>
/// <param name="IsPrivileged">Whether it comes from EL1.</param>
public sealed record MmuOperation(MmuStep Step, uint Pick, AccessKind Kind, bool IsPrivileged)
{
    /// <summary>C# that makes it.</summary>
    public override string ToString() => $"new(MmuStep.{Step}, {Pick}, AccessKind.{Kind}, {(IsPrivileged ? "true" : "false")})";
}
