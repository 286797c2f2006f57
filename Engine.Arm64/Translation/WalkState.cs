using System.Runtime.CompilerServices;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>What one translation carries between its steps.</summary>
internal struct WalkState
{
    /// <summary>The <see cref="StartLevel"/> of a walk from the root.</summary>
    public const int FromRoot = -2;

    /// <summary>Stage 1's descriptors by level, index level + 1: where each lies.</summary>
    public LevelWords Slots;

    /// <summary>The table that each table descriptor points to, index level + 1.</summary>
    public LevelWords Tables;

    /// <summary>The tables' restrictions up to and including each level, index level + 1.</summary>
    public LevelWords Restrictions;

    /// <summary>In: where stage 1 begins if not at the root. Out: where it began; unchanged where nothing was read.</summary>
    public int StartLevel;

    /// <summary>In: the table of <see cref="StartLevel"/>.</summary>
    public ulong StartTable;

    /// <summary>In: the restrictions of the tables above it.</summary>
    public ulong StartRestrictions;

    /// <summary>Stage 1's permissions are found, and not judged.</summary>
    public bool LeavesPermissions;

    /// <summary>Stage 2's parameters.</summary>
    public Stage2Control Stage2;

    /// <summary>HCR_EL2, or 0 without stage 2.</summary>
    public ulong Hcr;

    /// <summary>Descriptors read so far.</summary>
    public int Reads;

    /// <summary>Of these, stage 2's, by level: index level + 1.</summary>
    public LevelWords Stage2Reads;

    /// <summary>The level of the last stage 1 descriptor that was read; meaningful where <see cref="Stage1Reads"/> is not 0.</summary>
    public int LastStage1Level;

    /// <summary>Of <see cref="Reads"/>, stage 1's.</summary>
    public int Stage1Reads;

    /// <summary>Stage 2 translations that are known without a walk; null for none.</summary>
    public Tlb.IpaCache? Ipas;

    /// <summary>Gets the address of every descriptor read, in order; null where nobody asks.</summary>
    public Tlb.DescriptorReadLog? Log;

    /// <summary>The last stage 1 descriptor's address as stage 1 knows it.</summary>
    public PhysAddr LastSlot;

    /// <summary>Whether the hardware updates descriptors for this access.</summary>
    public bool UpdatesTables;

    /// <summary>Whether stage 2 translates.</summary>
    public bool IsStage2On;

    /// <summary>A descriptor changed under an update: the walk starts again.</summary>
    public bool MustRestart;

    /// <summary>One word for each level from -1 to 3.</summary>
    [InlineArray(5)]
    internal struct LevelWords
    {
        private ulong first;
    }
}
