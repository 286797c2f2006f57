using Engine.Arm64.Translation;
using Engine.Core.PageCache;
using Engine.Core.Units;

namespace Engine.Arm64.Faults;

/// <summary>The first touch of a page that the kernel shows by frame number (<c>vmf_insert_pfn</c>, mm/memory.c; <c>vvar_fault</c>): neither counted nor referenced.</summary>
internal static class SpecialFault
{
    public static FaultResult Handle(ref VmFault fault)
    {
        OpenFile file = fault.File!;
        ulong index = fault.Area.PageIndexOf(fault.Address);
        FileFaultResult found = file.Mapping.Fault(fault.Cpu, ref file.Readahead, index, MmapAdvice.Random, out Pfn page);
        if (found is not (FileFaultResult.Minor or FileFaultResult.MinorReadahead or FileFaultResult.Major))
        {
            return found == FileFaultResult.OutOfMemory ? FaultResult.OutOfMemory : FaultResult.BusAdrErr;
        }

        if (!fault.Tables.TryMap(fault.Cpu, fault.Address, Descriptor.ForPage(page, fault.Protection).MakeSpecial()))
        {
            return FaultResult.OutOfMemory;
        }

        fault.Process.Faults.CountCause(FaultCause.File);
        return FaultResult.Minor;
    }
}
