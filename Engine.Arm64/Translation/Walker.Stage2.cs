// Stage 2: intermediate physical address to physical address (AArch64.S2Translate). Its descriptors are read from
// physical memory directly. It serves the output of stage 1, and the addresses of stage 1's descriptors.

using Engine.Core.Units;

namespace Engine.Arm64.Translation;

public static partial class Walker
{
    // Step 5: the output address through stage 2.
    private static TranslationResult AddStage2<TMemory>(
        ref TMemory memory, ref WalkState state, in TranslationResult stage1, in TranslationAccess access)
        where TMemory : struct, ITableMemory
    {
        TranslationFault fault = WalkStage2(ref memory, ref state, stage1.IntermediateAddress.ToUInt64(), access.IsWrite, out Leaf leaf);
        if (fault.Kind == FaultKind.None)
        {
            fault = CheckStage2(state, leaf, access, out AccessPermissions permissions, out bool isHardwareWritable);
            if (fault.Kind == FaultKind.None)
            {
                bool setsDirty = isHardwareWritable && access.IsWrite;
                fault = access.UpdatesTables ? UpdateStage2(ref memory, ref state, leaf, setsDirty) : TranslationFault.None;
                if (fault.Kind == FaultKind.None)
                {
                    return Combine(state, stage1, leaf, permissions, access);
                }
            }
        }

        return stage1 with { Fault = fault };
    }

    // The address of a stage 1 descriptor through stage 2: a table walk is a load at EL1, a hardware update a store.
    private static TranslationFault TranslateSlot<TMemory>(ref TMemory memory, ref WalkState state, AccessKind kind, ref PhysAddr slot)
        where TMemory : struct, ITableMemory
    {
        TranslationFault fault = WalkStage2(ref memory, ref state, slot.ToUInt64(), kind == AccessKind.Store, out Leaf leaf);
        if (fault.Kind == FaultKind.None)
        {
            fault = CheckStage2(state, leaf, new TranslationAccess(kind, ExceptionLevel: 1), out _, out bool isHardwareWritable);
            if (fault.Kind == FaultKind.None && (state.Hcr & Stage2Registers.HcrProtectedTableWalk) != 0 && IsStage2Device(state, leaf.Descriptor))
            {
                fault = new TranslationFault(FaultKind.Permission, (sbyte)leaf.Level, IsStage2: true);
            }

            if (fault.Kind == FaultKind.None && state.UpdatesTables)
            {
                fault = UpdateStage2(ref memory, ref state, leaf, setsDirty: isHardwareWritable && kind == AccessKind.Store);
            }
        }

        if (fault.Kind != FaultKind.None)
        {
            return fault with { IsOnStage1Walk = true };
        }

        slot = OutputOf(state, leaf);
        return TranslationFault.None;
    }

    private static TranslationFault WalkStage2<TMemory>(ref TMemory memory, ref WalkState state, ulong ipa, bool isStore, out Leaf leaf)
        where TMemory : struct, ITableMemory
    {
        leaf = default;
        Stage2Control control = state.Stage2;
        if (!control.IsConfigured || ipa >> control.InputBits != 0)
        {
            return new TranslationFault(FaultKind.Translation, 0, IsStage2: true);
        }

        ulong table = control.Root;
        if (control.Format.IsOutOfRange(table))
        {
            return new TranslationFault(FaultKind.AddressSize, 0, IsStage2: true);
        }

        if (state.Ipas is { } known && known.TryFind(ipa, out leaf) && !NeedsUpdate(state, leaf, isStore))
        {
            return TranslationFault.None;
        }

        int top = control.InputBits;
        for (int level = control.StartLevel; ; level++)
        {
            int shift = control.Format.EntryShift(level);
            ulong index = (ipa >> shift) & ((1UL << (top - shift)) - 1);
            PhysAddr slot = new(table | (index * Descriptor.SizeBytes));
            state.Reads++;
            state.Stage2Reads[level + 1]++;
            state.Log?.Add(slot.ToUInt64(), level, isStage2: true);
            if (!memory.TryRead(slot, out ulong descriptor))
            {
                return new TranslationFault(FaultKind.ExternalAbort, (sbyte)level, IsStage2: true);
            }

            DescriptorKind kind = control.Format.KindOf(descriptor, level);
            if (kind == DescriptorKind.Invalid)
            {
                return new TranslationFault(FaultKind.Translation, (sbyte)level, IsStage2: true);
            }

            bool isLeaf = kind == DescriptorKind.Leaf;
            table = control.Format.AddressOf(descriptor, isLeaf ? shift : control.Format.GranuleShift);
            if (control.Format.IsOutOfRange(table))
            {
                return new TranslationFault(FaultKind.AddressSize, (sbyte)level, IsStage2: true);
            }

            if (isLeaf)
            {
                leaf = new Leaf(ipa, level, shift, descriptor, slot, 0);
                return (descriptor & Descriptor.AccessFlagBit) == 0 && !control.SetsAccessFlag
                    ? new TranslationFault(FaultKind.AccessFlag, (sbyte)level, IsStage2: true)
                    : TranslationFault.None;
            }

            top = shift;
        }
    }

    private static TranslationFault CheckStage2(
        in WalkState state, in Leaf leaf, in TranslationAccess access, out AccessPermissions permissions, out bool isHardwareWritable)
    {
        isHardwareWritable = state.Stage2.SetsDirtyState && (leaf.Descriptor & Descriptor.DirtyBitModifierBit) != 0;
        ulong effective = isHardwareWritable ? leaf.Descriptor | Descriptor.ReadOnlyBit : leaf.Descriptor;
        permissions = PermissionDecoder.Stage2(effective, state.Stage2.IsExecuteNeverByLevel);
        AccessPermissions needed = access.Needed;
        return (permissions & needed) == needed
            ? TranslationFault.None
            : new TranslationFault(FaultKind.Permission, (sbyte)leaf.Level, IsStage2: true);
    }

    // The access flag, and S2AP[1] (the bit that is AP[2] in stage 1) for the dirty state: there, set means writable.
    private static TranslationFault UpdateStage2<TMemory>(ref TMemory memory, ref WalkState state, in Leaf leaf, bool setsDirty)
        where TMemory : struct, ITableMemory
    {
        ulong updated = leaf.Descriptor | (state.Stage2.SetsAccessFlag ? Descriptor.AccessFlagBit : 0) | (setsDirty ? Descriptor.ReadOnlyBit : 0);
        if (updated == leaf.Descriptor)
        {
            Keep(ref state, leaf);
            return TranslationFault.None;
        }

        if (!memory.TryCompareExchange(leaf.Slot, leaf.Descriptor, updated, out ulong found))
        {
            return new TranslationFault(FaultKind.UnsupportedAtomicUpdate, (sbyte)leaf.Level, IsStage2: true);
        }

        state.MustRestart |= found != leaf.Descriptor;
        if (!state.MustRestart)
        {
            Keep(ref state, leaf with { Descriptor = updated });
        }

        return TranslationFault.None;
    }

    // Whether the hardware's update of a known leaf is still due: the walk that makes it reads the descriptor again.
    private static bool NeedsUpdate(in WalkState state, in Leaf leaf, bool isStore) =>
        isStore && state.Stage2.SetsDirtyState && (leaf.Descriptor & (Descriptor.DirtyBitModifierBit | Descriptor.ReadOnlyBit)) == Descriptor.DirtyBitModifierBit;

    // What came from the cache is kept already.
    private static void Keep(ref WalkState state, in Leaf leaf)
    {
        if (state.Ipas is { } known && (leaf.Descriptor & Descriptor.AccessFlagBit) != 0 && !leaf.IsKnown)
        {
            int runShift = (leaf.Descriptor & Descriptor.ContiguousBit) != 0 ? state.Stage2.Format.ContiguousShift(leaf.Level) : 0;
            known.Keep(leaf with { IsKnown = true }, OutputOf(state, leaf).ToUInt64(), leaf.Shift + runShift);
        }
    }

    private static TranslationResult Combine(
        in WalkState state, in TranslationResult stage1, in Leaf leaf, AccessPermissions permissions, in TranslationAccess access)
    {
        int shareability = state.Stage2.Format.IsWide ? state.Stage2.Shareability : (int)((leaf.Descriptor >> 8) & 3);
        ulong cacheDisable = access.IsFetch ? Stage2Registers.HcrInstructionCacheDisable : Stage2Registers.HcrDataCacheDisable;
        int runShift = (leaf.Descriptor & Descriptor.ContiguousBit) != 0 ? state.Stage2.Format.ContiguousShift(leaf.Level) : 0;
        return stage1 with
        {
            Address = OutputOf(state, leaf),
            BlockShift = (byte)Math.Min(stage1.BlockShift, leaf.Shift),
            RunShift = (byte)Math.Min(stage1.RunShift, leaf.Shift + runShift),
            Permissions = stage1.Permissions & permissions,
            Attributes = MemoryAttributes.Combine(
                stage1.Attributes, (int)((leaf.Descriptor >> 2) & 15), shareability,
                (state.Hcr & Stage2Registers.HcrForcedWriteBack) != 0, (state.Hcr & cacheDisable) != 0),
        };
    }

    private static PhysAddr OutputOf(in WalkState state, in Leaf leaf) =>
        new(state.Stage2.Format.AddressOf(leaf.Descriptor, leaf.Shift) | (leaf.Address & ((1UL << leaf.Shift) - 1)));

    private static bool IsStage2Device(in WalkState state, ulong descriptor)
    {
        int deviceMask = (state.Hcr & Stage2Registers.HcrForcedWriteBack) != 0 ? 0b0100 : 0b1100;
        return ((descriptor >> 2) & (ulong)deviceMask) == 0;
    }
}
