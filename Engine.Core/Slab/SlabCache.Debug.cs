using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>Checks and reports of the debug options F, Z, P and U.</content>
public sealed unsafe partial class SlabCache
{
    private ulong AllocateChecked(CpuId cpu, GfpFlags gfp) => TakeFromCpuSlab(GetArea(cpu), cpu, gfp);

    private void FreeChecked(CpuId cpu, SlabPage slab, ulong address) => FreeToSlab(GetArea(cpu), cpu, slab, address, address, 1);
}
