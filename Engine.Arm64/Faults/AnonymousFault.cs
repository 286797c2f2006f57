using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The first touch of a private anonymous page (<c>do_anonymous_page</c>, mm/memory.c).</summary>
internal static class AnonymousFault
{
    public static FaultResult Handle(ref VmFault fault)
    {
        return fault.IsWrite ? MapNewFrame(ref fault) : MapZeroPage(ref fault);
    }

    // The zero page is special: not counted in the resident set, not referenced.
    private static FaultResult MapZeroPage(ref VmFault fault)
    {
        Descriptor entry = Descriptor.ForPage(fault.Frames.ZeroPage, fault.Protection).MakeSpecial();
        if (!fault.Tables.TryMap(fault.Cpu, fault.Address, entry))
        {
            return FaultResult.OutOfMemory;
        }

        fault.Process.Faults.CountCause(FaultCause.ZeroPage);
        return FaultResult.Minor;
    }

    private static FaultResult MapNewFrame(ref VmFault fault)
    {
        if (!fault.Tables.TryPrepare(fault.Cpu, fault.Address) || !fault.Process.Memory.PrepareAnonVma(fault.Cpu, fault.AreaRef))
        {
            return FaultResult.OutOfMemory;
        }

        if (!fault.Frames.TryAllocate(fault.Cpu, GfpFlags.Zero, out Pfn pfn))
        {
            return FaultResult.OutOfMemory;
        }

        fault.Frames.AddNewAnonymous(fault.Cpu, pfn, fault.Process.Memory.Areas[fault.AreaRef], fault.Address);
        fault.Process.Memory.State.AnonPages++;
        Descriptor entry = Descriptor.ForPage(pfn, fault.Protection).MakeDirty().MakeWritable();
        fault.Tables.TryMap(fault.Cpu, fault.Address, entry);
        fault.Process.Faults.CountCause(FaultCause.ZeroFill);
        return FaultResult.Minor;
    }
}
