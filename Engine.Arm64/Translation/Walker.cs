// VMSAv8-64 translation of one address (Arm DDI 0487, D8; the shared pseudocode's AArch64.FullTranslate). It keeps no state.
//
//   1. Decode TCR for the half that bit 55 selects. Refuse what needs no table: a reserved granule or size, an address with
//      bits beyond the input size, a half closed to EL0 (E0PD) or to walks (EPD), a root beyond the physical size.
//   2. From the start level down: index the table, read the descriptor (its address goes through stage 2 first where that
//      is on), OR the tables' restrictions, until a leaf or a fault. Each level consumes address bits, so the walk ends.
//   3. At the leaf, in this order: address size, access flag, permission.
//   4. Where the hardware manages the access flag and the dirty state, write the changed descriptor by compare-and-swap;
//      where another agent changed it meanwhile, start again.
//   5. Stage 2 of the output address, and the combination of both stages' attributes and permissions.
//
// Where the architecture leaves a choice: reserved granules and sizes out of range fault at level 0 (as for an
// unimplemented granule); an access that is refused sets no access flag; a contiguous bit in the wrong place is ignored.

using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

/// <summary>Translates addresses: a function of memory, registers, address and access.</summary>
public static partial class Walker
{
    // How often other agents may change the descriptor under an update before the update counts as impossible.
    private const int RestartsMax = 64;

    /// <summary>Translates through stage 1.</summary>
    /// <typeparam name="TMemory">A struct that reads memory.</typeparam>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="registers">The EL1&amp;0 regime's registers.</param>
    /// <param name="address">The virtual address, all 64 bits.</param>
    /// <param name="access">Who accesses, and how.</param>
    public static TranslationResult Translate<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, VirtAddr address, in TranslationAccess access)
        where TMemory : struct, ITableMemory =>
        Translate(ref memory, registers, Stage2Registers.Off, address, access);

    /// <summary>Translates through stage 1 and stage 2.</summary>
    /// <typeparam name="TMemory">A struct that reads memory.</typeparam>
    /// <param name="memory">Where the tables are.</param>
    /// <param name="registers">The EL1&amp;0 regime's registers.</param>
    /// <param name="stage2">The hypervisor's registers; <see cref="Stage2Registers.Off"/> for none.</param>
    /// <param name="address">The virtual address, all 64 bits.</param>
    /// <param name="access">Who accesses, and how.</param>
    public static TranslationResult Translate<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, in Stage2Registers stage2, VirtAddr address, in TranslationAccess access)
        where TMemory : struct, ITableMemory
    {
        WalkState state = default;
        state.StartLevel = WalkState.FromRoot;
        return Run(ref memory, registers, stage2, ref state, address, access);
    }

    /// <summary>All steps, from the root or from the table that <paramref name="state"/> names.</summary>
    internal static TranslationResult Run<TMemory>(
        ref TMemory memory,
        in TranslationRegisters registers,
        in Stage2Registers stage2,
        ref WalkState state,
        VirtAddr address,
        in TranslationAccess access)
        where TMemory : struct, ITableMemory
    {
        state.IsStage2On = stage2.IsOn;
        state.UpdatesTables = access.UpdatesTables;
        if (state.IsStage2On)
        {
            state.Stage2 = Stage2Control.Decode(stage2, registers.Profile);
            state.Hcr = stage2.Hcr;
        }

        for (int restarts = 0; restarts < RestartsMax; restarts++)
        {
            TranslationResult result = (registers.Sctlr & TranslationRegisters.SctlrMmuOn) == 0 || (state.Hcr & Stage2Registers.HcrDefaultCacheable) != 0
                ? TranslateFlat(registers, stage2, address, access)
                : TranslateStage1(ref memory, registers, ref state, address, access);
            if (result.IsOk && state.IsStage2On && !state.MustRestart)
            {
                result = AddStage2(ref memory, ref state, result, access);
            }

            if (!state.MustRestart)
            {
                return result with { DescriptorReads = (byte)Math.Min(state.Reads, byte.MaxValue) };
            }

            state.MustRestart = false;
            state.StartLevel = WalkState.FromRoot;
        }

        return FaultAt(FaultKind.UnsupportedAtomicUpdate, 0);
    }

    /// <summary>Steps 1 to 4: stage 1.</summary>
    private static TranslationResult TranslateStage1<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, ref WalkState state, VirtAddr address, in TranslationAccess access)
        where TMemory : struct, ITableMemory
    {
        ulong va = address.ToUInt64();
        TranslationControl control = TranslationControl.Decode(registers, ((va >> 55) & 1) != 0);
        if (!control.IsConfigured
            || IsBeyondInput(va, control, access.IsFetch)
            || (control.IsClosedToUser && access.ExceptionLevel == 0)
            || control.IsWalkDisabled)
        {
            return FaultAt(FaultKind.Translation, 0);
        }

        if (control.Format.IsOutOfRange(control.Root))
        {
            return FaultAt(FaultKind.AddressSize, 0);
        }

        ulong table = control.Root;
        ulong hierarchical = 0;
        int top = control.InputBits;
        int level = control.StartLevel;
        if (state.StartLevel > level && state.StartLevel <= TableFormat.LastLevel)
        {
            level = state.StartLevel;
            table = state.StartTable;
            hierarchical = state.StartRestrictions;
            top = control.Format.EntryShift(level - 1);
        }

        state.StartLevel = level;
        for (; ; level++)
        {
            int shift = control.Format.EntryShift(level);
            ulong index = (va >> shift) & ((1UL << (top - shift)) - 1);
            PhysAddr slot = new(table | (index * Descriptor.SizeBytes));
            state.Slots[level + 1] = slot.ToUInt64();
            TranslationFault fault = ReadDescriptor(ref memory, registers, ref state, ref slot, level, out ulong descriptor);
            if (fault.Kind != FaultKind.None || state.MustRestart)
            {
                return new TranslationResult { Fault = fault, IntermediateAddress = slot, DescriptorAddress = slot };
            }

            switch (control.Format.KindOf(descriptor, level))
            {
                case DescriptorKind.Leaf:
                    return FinishStage1(ref memory, registers, ref state, control, new Leaf(va, level, shift, descriptor, slot, hierarchical), access);
                case DescriptorKind.Invalid:
                    return FaultAt(FaultKind.Translation, level) with { Descriptor = new(descriptor), DescriptorAddress = slot };
            }

            table = control.Format.AddressOf(descriptor, control.Format.GranuleShift);
            if (control.Format.IsOutOfRange(table))
            {
                return FaultAt(FaultKind.AddressSize, level) with { Descriptor = new(descriptor), DescriptorAddress = slot };
            }

            hierarchical |= control.IgnoresTableAttributes ? 0 : descriptor & PermissionDecoder.HierarchicalMask;
            state.Tables[level + 1] = table;
            state.Restrictions[level + 1] = hierarchical;
            top = shift;
        }
    }

    // Steps 3 and 4.
    private static TranslationResult FinishStage1<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, ref WalkState state, in TranslationControl control, in Leaf leaf, in TranslationAccess access)
        where TMemory : struct, ITableMemory
    {
        TranslationResult atLeaf = new() { Descriptor = new(leaf.Descriptor), DescriptorAddress = leaf.Slot, Level = (sbyte)leaf.Level };
        ulong output = control.Format.AddressOf(leaf.Descriptor, leaf.Shift);
        if (control.Format.IsOutOfRange(output))
        {
            return atLeaf with { Fault = new(FaultKind.AddressSize, (sbyte)leaf.Level) };
        }

        if ((leaf.Descriptor & Descriptor.AccessFlagBit) == 0 && !control.SetsAccessFlag)
        {
            return atLeaf with { Fault = new(FaultKind.AccessFlag, (sbyte)leaf.Level) };
        }

        bool isHardwareWritable = control.SetsDirtyState && (leaf.Descriptor & Descriptor.DirtyBitModifierBit) != 0;
        ulong effective = isHardwareWritable ? leaf.Descriptor & ~Descriptor.ReadOnlyBit : leaf.Descriptor;
        AccessPermissions permissions =
            PermissionDecoder.Stage1(effective, leaf.Hierarchical, (registers.Sctlr & TranslationRegisters.SctlrWxn) != 0);
        if (!state.LeavesPermissions && !permissions.Allows(WithPanOf(access, registers), IsEpan(registers)))
        {
            return atLeaf with { Fault = new(FaultKind.Permission, (sbyte)leaf.Level), Permissions = permissions };
        }

        ulong updated = leaf.Descriptor;
        if (access.UpdatesTables)
        {
            updated |= control.SetsAccessFlag ? Descriptor.AccessFlagBit : 0;
            updated = isHardwareWritable && access.IsWrite ? updated & ~Descriptor.ReadOnlyBit : updated;
            if (updated != leaf.Descriptor && UpdateStage1(ref memory, registers, ref state, leaf, updated) is { Kind: not FaultKind.None } fault)
            {
                return atLeaf with { Fault = fault };
            }
        }

        int attributeIndex = (int)((leaf.Descriptor >> 2) & 7);
        int shareability = control.Format.IsWide ? control.Shareability : (int)((leaf.Descriptor >> 8) & 3);
        PhysAddr address = new(output | (leaf.Address & ((1UL << leaf.Shift) - 1)));
        int runShift = (leaf.Descriptor & Descriptor.ContiguousBit) != 0 ? control.Format.ContiguousShift(leaf.Level) : 0;
        return atLeaf with
        {
            Descriptor = new(updated),
            Address = address,
            IntermediateAddress = address,
            BlockShift = (byte)leaf.Shift,
            RunShift = (byte)(leaf.Shift + runShift),
            AttributeIndex = (byte)attributeIndex,
            Attributes = new(unchecked((byte)(registers.Mair >> (attributeIndex * 8))), (byte)shareability),
            Permissions = permissions,
            IsGlobal = (leaf.Descriptor & Descriptor.NotGlobalBit) == 0,
            IsGuarded = (leaf.Descriptor & Descriptor.GuardedBit) != 0,
            IsDirtyPending = isHardwareWritable && (updated & Descriptor.ReadOnlyBit) != 0
                && (permissions & (AccessPermissions.UserWrite | AccessPermissions.PrivilegedWrite)) != 0,
        };
    }

    // Stage 1 off: the address is the output (AArch64.S1DisabledOutput).
    private static TranslationResult TranslateFlat(
        in TranslationRegisters registers, in Stage2Registers stage2, VirtAddr address, in TranslationAccess access)
    {
        TranslationControl control = TranslationControl.Decode(registers, ((address.ToUInt64() >> 55) & 1) != 0);
        bool ignoresTop = access.IsFetch ? control.IgnoresTopByteOfCode : control.IgnoresTopByteOfData;
        ulong output = ignoresTop ? address.ToUInt64() & (ulong.MaxValue >> 8) : address.ToUInt64();
        if (output >> registers.Profile.PhysicalAddressBits != 0)
        {
            return FaultAt(FaultKind.AddressSize, 0);
        }

        return new TranslationResult
        {
            Address = new(output),
            IntermediateAddress = new(output),
            BlockShift = Pfn.PageShift,
            RunShift = Pfn.PageShift,
            Attributes = MemoryAttributes.ForDisabledStage1(
                access.IsFetch, (registers.Sctlr & TranslationRegisters.SctlrInstructionCache) != 0, (stage2.Hcr & Stage2Registers.HcrDefaultCacheable) != 0),
            Permissions = AccessPermissions.All,
            IsGlobal = true,
        };
    }

    // Whether address bits beyond the input size differ from the half's (AArch64.VAIsOutOfRange).
    private static bool IsBeyondInput(ulong va, in TranslationControl control, bool isFetch)
    {
        bool ignoresTop = isFetch ? control.IgnoresTopByteOfCode : control.IgnoresTopByteOfData;
        ulong checkedBits = ignoresTop ? va << 8 : va;
        int width = ignoresTop ? 56 : 64;
        if (control.InputBits >= width)
        {
            return false;
        }

        ulong beyond = checkedBits >> (64 - (width - control.InputBits));
        return beyond != (control.IsUpper ? (1UL << (width - control.InputBits)) - 1 : 0);
    }

    private static bool IsEpan(in TranslationRegisters registers) =>
        (registers.Sctlr & TranslationRegisters.SctlrEpan) != 0 && registers.Profile.Has(TranslationFeatures.PrivilegedAccessNever3);

    private static TranslationAccess WithPanOf(in TranslationAccess access, in TranslationRegisters registers) =>
        access.Pan && !registers.Profile.Has(TranslationFeatures.PrivilegedAccessNever) ? access with { Pan = false } : access;

    private static TranslationResult FaultAt(FaultKind kind, int level) =>
        new() { Fault = new TranslationFault(kind, (sbyte)level), Level = (sbyte)level };
}
