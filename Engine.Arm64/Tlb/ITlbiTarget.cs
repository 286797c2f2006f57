namespace Engine.Arm64.Tlb;

/// <summary>What answers TLB invalidations: the translation unit of a CPU, or of a device that takes part in broadcasts.</summary>
public interface ITlbiTarget
{
    /// <summary>Carries out one instruction on the own TLBs and walk caches.</summary>
    public void Execute(TlbiInstruction instruction);
}
