// Reading and updating stage 1 descriptors. Where stage 2 is on, a descriptor's address is an intermediate address.

using System.Buffers.Binary;
using Engine.Core.Units;

namespace Engine.Arm64.Translation;

public static partial class Walker
{
    // slot: in, as stage 1 knows it; out, the physical address (or, on a stage 2 fault, the intermediate one).
    private static TranslationFault ReadDescriptor<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, ref WalkState state, ref PhysAddr slot, int level, out ulong descriptor)
        where TMemory : struct, ITableMemory
    {
        if (state.IsStage2On)
        {
            state.LastSlot = slot;
            TranslationFault fault = TranslateSlot(ref memory, ref state, AccessKind.Load, ref slot);
            if (fault.Kind != FaultKind.None || state.MustRestart)
            {
                descriptor = 0;
                return fault;
            }
        }

        state.Reads++;
        state.Stage1Reads++;
        state.LastStage1Level = level;
        state.Log?.Add(slot.ToUInt64(), level, isStage2: false);
        if (!memory.TryRead(slot, out descriptor))
        {
            return new TranslationFault(FaultKind.ExternalAbort, (sbyte)level);
        }

        descriptor = (registers.Sctlr & TranslationRegisters.SctlrBigEndian) != 0 ? BinaryPrimitives.ReverseEndianness(descriptor) : descriptor;
        return TranslationFault.None;
    }

    // Compare-and-swap of a stage 1 leaf. A descriptor that changed meanwhile asks for a restart.
    private static TranslationFault UpdateStage1<TMemory>(
        ref TMemory memory, in TranslationRegisters registers, ref WalkState state, in Leaf leaf, ulong updated)
        where TMemory : struct, ITableMemory
    {
        if (state.IsStage2On)
        {
            PhysAddr slot = state.LastSlot;
            TranslationFault fault = TranslateSlot(ref memory, ref state, AccessKind.Store, ref slot);
            if (fault.Kind != FaultKind.None || state.MustRestart)
            {
                return fault;
            }
        }

        bool isBigEndian = (registers.Sctlr & TranslationRegisters.SctlrBigEndian) != 0;
        ulong expected = isBigEndian ? BinaryPrimitives.ReverseEndianness(leaf.Descriptor) : leaf.Descriptor;
        ulong replacement = isBigEndian ? BinaryPrimitives.ReverseEndianness(updated) : updated;
        if (!memory.TryCompareExchange(leaf.Slot, expected, replacement, out ulong found))
        {
            return new TranslationFault(FaultKind.UnsupportedAtomicUpdate, (sbyte)leaf.Level);
        }

        state.MustRestart |= found != expected;
        return TranslationFault.None;
    }
}
