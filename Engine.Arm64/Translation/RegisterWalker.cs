// The general walker under a TLB: any granule, size and format, with stage 2 where it is on. Slower than the straight walker of
// the engine's own tables, and the same to the TLB.

using Engine.Arm64.Tlb;
using Engine.Arm64.Units;

namespace Engine.Arm64.Translation;

/// <summary>Walks tables under one CPU's registers for a TLB.</summary>
/// <typeparam name="TMemory">A struct that reads memory.</typeparam>
public struct RegisterWalker<TMemory> : IPageWalker, INestedWalker
    where TMemory : struct, ITableMemory
{
    private const ulong TcrHardwareAccessFlag = 1UL << 39;
    private const int PrivilegedShift = 4;

    private TMemory memory;
    private NestedWalk? nested;

    /// <summary>Makes a walker.</summary>
    /// <param name="memory">Where the tables are.</param>
    public RegisterWalker(TMemory memory) => this.memory = memory;

    /// <summary>Stage 1's registers.</summary>
    public TranslationRegisters Registers { readonly get; set; }

    /// <summary>Stage 2's registers; off by default.</summary>
    public Stage2Registers Stage2 { readonly get; set; }

    NestedWalk? INestedWalker.Nested
    {
        readonly get => nested;
        set => nested = value;
    }

    /// <summary>PSTATE.PAN.</summary>
    public bool Pan { readonly get; set; }

    /// <summary>Translates one address. An access that the tables refuse is a permission fault here already, and sets no flag in them.</summary>
    /// <inheritdoc/>
    public bool Walk(VirtAddr address, AccessKind kind, bool isPrivileged, ref WalkResult result)
    {
        WalkState state = default;
        state.StartLevel = result.StartLevel;
        state.StartTable = result.StartTable;
        state.StartRestrictions = result.StartRestrictions;
        state.LeavesPermissions = result.LooksOnly;
        TranslationAccess access = new(kind, isPrivileged ? 1 : 0, Pan, UpdatesTables: !result.LooksOnly);
        TranslationRegisters registers = Registers;
        if (result.LooksOnly)
        {
            registers = registers with
            {
                Tcr = registers.Tcr | TcrHardwareAccessFlag,
                Profile = registers.Profile with { Features = registers.Profile.Features | TranslationFeatures.HardwareAccessFlag },
            };
        }

        NestedWalk? used = result.LooksOnly ? null : nested;
        used?.Log?.Clear();
        state.Ipas = used?.Ipas;
        state.Log = used?.Log;
        TranslationResult found = Walker.Run(ref memory, registers, Stage2, ref state, address, access);
        TranslationControl control = TranslationControl.Decode(registers, ((address.ToUInt64() >> 55) & 1) != 0);
        result.GranuleLog2 = control.Format.GranuleShift;
        for (int i = 0; i < WalkResult.LevelCount; i++)
        {
            result.DescriptorAddresses[i] = state.Slots[i];
            result.NextTables[i] = state.Tables[i];
            result.Restrictions[i] = state.Restrictions[i];
        }

        // A walk of stage 2 alone has no levels of stage 1.
        bool isFlat = state.StartLevel == WalkState.FromRoot;
        result.Level = isFlat ? 0
            : found.IsOk ? found.Level
            : !found.Fault.IsStage2 ? found.Fault.Level
            : state.Stage1Reads > 0 ? state.LastStage1Level : 0;

        // A walk that was refused read nothing: it starts below where it ends.
        result.StartLevel = state.Stage1Reads > 0 && !isFlat ? state.StartLevel : result.Level + 1;
        if (used != null)
        {
            Describe(used, found, state);
        }

        if (!found.IsOk)
        {
            result.FaultStatus = (byte)found.Fault.StatusCode;
            return false;
        }

        // To invalidations by virtual address a translation is as large as stage 1's leaf; what one entry can hold may be less.
        result.PageSizeLog2 = isFlat ? found.BlockShift : control.Format.EntryShift(found.Level);
        result.RunSizeLog2 = isFlat ? found.RunShift
            : result.PageSizeLog2 + (found.Descriptor.IsContiguous ? control.Format.ContiguousShift(found.Level) : 0);
        result.OutputAddress = unchecked(found.Address.ToUInt64() - (address.ToUInt64() & ~(ulong.MaxValue << result.PageSizeLog2)));
        result.AggregationLog2 = 0;
        result.AttributeIndex = found.AttributeIndex;
        result.IsGlobal = found.IsGlobal;
        result.IsDirtyLater = found.IsDirtyPending;
        result.Allowed = AllowedBy(found);
        return true;
    }

    /// <inheritdoc/>
    public readonly void Prefetch(VirtAddr address)
    {
    }

    /// <summary>There is no short way: always <see cref="PlainTranslation.None"/>.</summary>
    /// <inheritdoc/>
    public readonly ulong TryWalkPlain(VirtAddr address, bool goesFar, out ulong outputAddress)
    {
        outputAddress = 0;
        return PlainTranslation.None;
    }

    private static void Describe(NestedWalk used, in TranslationResult found, in WalkState state)
    {
        used.SizeLog2 = found.RunShift;
        used.IsFault = found.Fault.IsStage2;
        used.IsOnStage1Walk = found.Fault.IsOnStage1Walk;
        used.FaultLevel = found.Fault.Level;
        used.IntermediateAddress = found.IntermediateAddress.ToUInt64();
        for (int i = 0; i < WalkResult.LevelCount; i++)
        {
            used.ReadsByLevel[i] += state.Stage2Reads[i];
        }
    }

    /// <inheritdoc/>
    public readonly int PlainStartLevel => 0;

    private readonly uint AllowedBy(in TranslationResult found)
    {
        AccessPermissions held = found.IsDirtyPending
            ? found.Permissions & ~(AccessPermissions.UserWrite | AccessPermissions.PrivilegedWrite)
            : found.Permissions;
        uint allowed = 0;
        foreach (int level in (ReadOnlySpan<int>)[0, 1])
        {
            for (AccessKind kind = AccessKind.Fetch; kind <= AccessKind.Modify; kind++)
            {
                bool isEpan = (Registers.Sctlr & TranslationRegisters.SctlrEpan) != 0 && Registers.Profile.Has(TranslationFeatures.PrivilegedAccessNever3);
                bool isPan = Pan && Registers.Profile.Has(TranslationFeatures.PrivilegedAccessNever);
                bool isAllowed = held.Allows(new TranslationAccess(kind, level, isPan), isEpan);
                allowed |= isAllowed ? 1u << ((int)kind + (level * PrivilegedShift)) : 0;
            }
        }

        return allowed;
    }
}
