using System.Globalization;
using System.Text;

namespace Engine.Arm64.Kernel;

/// <content><c>/proc/vmallocinfo</c> and the invariants.</content>
public sealed partial class Vmalloc
{
    /// <summary>The text of <c>/proc/vmallocinfo</c>: by node, and within one by address; then what waits for a purge.</summary>
    public string FormatInfo()
    {
        StringBuilder text = new();
        lock (gate)
        {
            foreach (ulong area in busy.List().OrderBy(area => (busy.At(area).Start >> NodeZoneShift) % (ulong)poolPlaces.Length))
            {
                AppendArea(text, area);
            }

            foreach (ulong area in ListOf(State.LazyFirst).OrderBy(area => free.At(area).Start))
            {
                ref VmapArea gone = ref free.At(area);
                text.Append(CultureInfo.InvariantCulture, $"0x{gone.Start:x16}-0x{gone.End:x16} {gone.End - gone.Start,7} unpurged vm_area\n");
            }
        }

        return text.ToString();
    }

    /// <summary>Checks every invariant: all ranges together are the whole, none overlaps another, the counters are right.</summary>
    /// <returns>How many findings were reported.</returns>
    public int Verify()
    {
        lock (gate)
        {
            long before = slabs.Log.Count;
            List<ulong> lazy = ListOf(State.LazyFirst);
            List<ulong> all = [.. busy.List(), .. free.List(), .. lazy];
            for (int node = 0; node < poolPlaces.Length; node++)
            {
                for (ulong pages = 1; pages <= PoolCount; pages++)
                {
                    all.AddRange(ListOf(PoolHead(node, pages << PageShift)));
                }
            }

            ulong next = start.Value;
            foreach (ulong area in all.OrderBy(area => free.At(area).Start))
            {
                Expect("vmap ranges", next, free.At(area).Start);
                next = free.At(area).End;
            }

            Expect("vmap ranges' end", end.Value, next);
            Expect("subtree_max_size", 0, (ulong)(free.Verify() + busy.Verify()));
            Expect("vmap_lazy_nr", lazy.Aggregate(0UL, (sum, area) => sum + ((free.At(area).End - free.At(area).Start) >> PageShift)), State.LazyPages);
            Expect("nr_vmalloc_pages", busy.List().Where(HasPages).Aggregate(0UL, (sum, area) => sum + Vm(busy.At(area).Vm).PageCount), State.Pages);
            foreach (ulong area in busy.List().Where(area => (busy.At(area).Flags & VmapAreaFlags.Block) != 0))
            {
                ulong at = busy.At(area).Block;
                Expect("vmap_block", VmapBlock.Pages, IsBlock(at) ? Block(at).Free + Block(at).Dirty + Block(at).UsedPages : 0);
            }

            return (int)(slabs.Log.Count - before);
        }
    }

    private bool HasPages(ulong area) => IsVm(busy.At(area).Vm) && (Vm(busy.At(area).Vm).Flags & (uint)VmallocFlags.Alloc) != 0;

    private void Expect(string what, ulong expected, ulong found)
    {
        if (expected != found)
        {
            Report(what, expected, found);
        }
    }

    private void AppendArea(StringBuilder text, ulong area)
    {
        if (!IsVm(busy.At(area).Vm))
        {
            ref VmapArea range = ref busy.At(area);
            Append(text, (range.Flags & VmapAreaFlags.Ram) != 0, $"0x{range.Start:x16}-0x{range.End:x16} {range.End - range.Start,7} vm_map_ram\n");
            return;
        }

        ref VmStruct vm = ref Vm(busy.At(area).Vm);
        text.Append(CultureInfo.InvariantCulture, $"0x{vm.Address:x16}-0x{vm.Address + vm.LengthBytes:x16} {vm.LengthBytes,7}");
        VmallocFlags flags = (VmallocFlags)vm.Flags;
        Append(text, vm.Caller != 0, $" 0x{vm.Caller:x}");
        Append(text, vm.PageCount != 0, $" pages={vm.PageCount}");
        Append(text, vm.Physical != 0, $" phys=0x{vm.Physical:x16}");
        Append(text, (flags & VmallocFlags.IoRemap) != 0, $" ioremap");
        Append(text, (flags & VmallocFlags.Alloc) != 0, $" vmalloc");
        Append(text, (flags & VmallocFlags.Map) != 0, $" vmap");
        Append(text, (flags & VmallocFlags.UserMap) != 0, $" user");
        Append(text, (flags & VmallocFlags.DmaCoherent) != 0, $" dma-coherent");
        Append(text, vm.PagesAddress != 0, $" vpages");
        AppendNodes(text, busy.At(area).Vm);
        text.Append('\n');
    }

    // show_numa_info(): pages by node, nodes without any left out.
    private void AppendNodes(StringBuilder text, ulong vm)
    {
        SortedDictionary<int, ulong> counts = [];
        int order = Math.Clamp(Vm(vm).PageOrder, 0, 10);
        for (ulong i = 0; i < CountBlocks(vm, order); i++)
        {
            ulong physical = Entry(vm, i) << PageShift;
            foreach (Engine.Core.Arena.MemoryBank bank in memory.Banks)
            {
                if (physical >= bank.Start.Value && physical < bank.End.Value)
                {
                    counts[bank.Node] = counts.GetValueOrDefault(bank.Node) + (1UL << order);
                }
            }
        }

        foreach ((int node, ulong count) in counts)
        {
            Append(text, true, $" N{node}={count}");
        }
    }

    private static void Append(StringBuilder text, bool isShown, FormattableString part)
    {
        if (isShown)
        {
            text.Append(part.ToString(CultureInfo.InvariantCulture));
        }
    }
}
