using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

/// <summary>
/// Walks translation tables for a <see cref="TranslationUnit{TWalker, TObserver}"/>. It is a struct type argument, so that the call is direct.
/// It holds the registers (TTBR0, TTBR1, TCR, …); the unit holds ASID and VMID.
/// </summary>
public interface IPageWalker
{
    /// <summary>Translates one address by reading descriptors.</summary>
    /// <param name="address">Any address, canonical or not.</param>
    /// <param name="kind">A store lets the hardware's dirty state be set, where that is on. Permissions are not judged here.</param>
    /// <param name="isPrivileged">Whether the access comes from EL1.</param>
    /// <param name="result">
    /// On entry <see cref="WalkResult.StartLevel"/> and <see cref="WalkResult.StartTable"/> say where a walk cache lets the walk begin
    /// (<see cref="WalkResult.FromRoot"/>: at the root); on return all that the walk found.
    /// </param>
    /// <returns>False on a fault: <see cref="WalkResult.FaultStatus"/> says which.</returns>
    public bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result);

    /// <summary>Translates an address by a walk from the root where nothing special comes up: no fault, no contiguous run, no aggregation, and no update of the tables.</summary>
    /// <param name="address">Any address, canonical or not.</param>
    /// <param name="goesFar">Whether the walker may call others to get on; without, it answers from what is at hand, so that its caller keeps its registers.</param>
    /// <param name="outputAddress">Physical address, in bytes, of the page or block.</param>
    /// <returns>
    /// What <see cref="PlainTranslation.Pack"/> makes of it; <see cref="PlainTranslation.Empty"/> for a translation fault of level 3;
    /// <see cref="PlainTranslation.None"/> where something else comes up, or the walker has no short way: nothing has changed, and
    /// <see cref="Walk"/> answers.
    /// </returns>
    public ulong TryWalkPlain(VirtAddr address, bool goesFar, out ulong outputAddress);

    /// <summary>The level of the first descriptor that <see cref="TryWalkPlain"/> reads, -1..3.</summary>
    public int PlainStartLevel { get; }

    /// <summary>Fetches what a walk for an address would read last into the host's cache, where that can be told cheaply. It has no other effect.</summary>
    /// <param name="address">Any address.</param>
    public void Prefetch(VirtAddr address);
}
