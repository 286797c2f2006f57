namespace Engine.Arm64.Tlb;

/// <summary>
/// What fills a level, after gem5's names for caches (<c>Clusivity</c>: <c>mostly_incl</c>, <c>mostly_excl</c>). Neither is strict: a level may
/// have what another has too, and an entry that gives way in one level stays in the others.
/// </summary>
public enum FillPolicy
{
    /// <summary>Every translation that this level missed: by a walk, or from a level farther away. gem5 fills its Arm TLBs so.</summary>
    MostlyInclusive,

    /// <summary>
    /// What gives way in the level in front (a victim TLB). A walk does not fill it, and an entry that hits moves to the levels in front.
    /// An entry of a size that the level does not hold is lost.
    /// </summary>
    MostlyExclusive,
}
