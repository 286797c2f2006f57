using System.Globalization;
using System.Text;
using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Mmsim.Scenario;

/// <content>Looking: what /proc shows of a process.</content>
internal sealed partial class ScenarioRunner
{
    // In the order of the output.
    private static readonly (VmFlags Flag, string Code)[] ShownFlags =
    [
        (VmFlags.GrowsDown, "gd"), (VmFlags.Locked, "lo"), (VmFlags.LockOnFault, "lf"), (VmFlags.SequentialRead, "sr"),
        (VmFlags.RandomRead, "rr"), (VmFlags.DontCopy, "dc"), (VmFlags.WipeOnFork, "wf"), (VmFlags.Account, "ac"),
        (VmFlags.NoReserve, "nr"), (VmFlags.HugePage, "hg"), (VmFlags.NoHugePage, "nh"), (VmFlags.Mergeable, "mg"),
    ];

    private void Look(ScenarioOperation operation, Process process)
    {
        switch (operation.Kind)
        {
            case ScenarioOperationKind.Observe:
                Observe(operation, process);
                break;
            case ScenarioOperationKind.ShowPageTables:
                writer.Begin(operation).Add("pages", process.Tables.PageTablePages - world.OwnTablePages).End();
                break;
            case ScenarioOperationKind.ShowPageMap:
                ShowPageMap(operation, process);
                break;
            case ScenarioOperationKind.ShowResident:
                ShowResident(operation, process);
                break;
            default:
                ShowFrames(operation, process);
                break;
        }
    }

    private void Observe(ScenarioOperation operation, Process process)
    {
        long areas = 0;
        ulong size = 0;
        ulong resident = 0;
        ulong anonymous = 0;
        VmAreaTree tree = process.Memory.Areas;
        for (VmAreaRef area = tree.First; !area.IsNone; area = tree.NextOf(area))
        {
            VmArea content = tree[area];
            if (ScenarioWorld.IsShown(content.Start, content.End))
            {
                VmAreaUsage usage = process.MeasureUsage(area);
                WriteArea(operation, process, content, usage);
                areas++;
                size += content.PageCount;
                resident += usage.ResidentPages;
                anonymous += usage.AnonymousPages;
            }
        }

        writer.Begin(operation).Add("vmas", areas).Add("size", (long)size).Add("rss", (long)resident).Add("anon", (long)anonymous).End();
    }

    private void WriteArea(ScenarioOperation operation, Process process, in VmArea area, in VmAreaUsage usage)
    {
        VmFlags flags = area.Flags;
        string protection = string.Concat(
            (flags & VmFlags.Read) != 0 ? 'r' : '-',
            (flags & VmFlags.Write) != 0 ? 'w' : '-',
            (flags & VmFlags.Exec) != 0 ? 'x' : '-',
            (flags & VmFlags.MayShare) != 0 ? 's' : 'p');
        writer.Begin(operation, "vma")
            .Add("at", world.Locate(area.Start)).Add("n", (long)area.PageCount).Add("prot", protection).Add("src", DescribeSource(process, area))
            .Add("rss", (long)usage.ResidentPages).Add("anon", (long)usage.AnonymousPages)
            .Add("shc", (long)usage.SharedCleanPages).Add("shd", (long)usage.SharedDirtyPages)
            .Add("prc", (long)usage.PrivateCleanPages).Add("prd", (long)usage.PrivateDirtyPages)
            .Add("ref", (long)usage.ReferencedPages).Add("lazy", (long)usage.LazyFreePages).Add("swap", (long)usage.SwapPages)
            .Add("thp", (long)usage.AnonymousHugePages).Add("pss", (long)usage.ProportionalKiB).Add("lock", (long)usage.LockedKiB)
            .Add("fl", string.Join(' ', ShownFlags.Where(shown => (flags & shown.Flag) != 0).Select(shown => shown.Code))).End();
    }

    private string DescribeSource(Process process, VmArea area)
    {
        if (area.IsAnonymous)
        {
            return "anon";
        }

        OpenFile? open = process.Machine.Files.TryGet(area.File);
        ScenarioFile? file = world.Files.FirstOrDefault(file => file.Mapped.Mapping == open?.Mapping);
        return string.Create(CultureInfo.InvariantCulture, $"{file?.Name ?? "shm"}+{area.PageOffset}");
    }

    private void ShowPageMap(ScenarioOperation operation, Process process)
    {
        VirtAddr start = world.GetAddress(operation, operation.Name, operation.Offset);
        char[] map = new char[operation.Count];
        VirtAddr address = start;
        for (int i = 0; i < map.Length; i++, address += ScenarioWorld.PageBytes)
        {
            PageMapEntry entry = process.ReadPageMap(address);
            map[i] = entry.IsSwapped ? 's'
                : !entry.IsPresent ? '.'
                : entry.IsZeroPage ? 'z'
                : (entry.IsFile, entry.IsExclusive) switch { (true, true) => 'F', (true, false) => 'f', (false, true) => 'A', _ => 'a' };
        }

        writer.Begin(operation).Add("at", world.Locate(start)).Add("map", new string(map)).End();
    }

    private void ShowResident(ScenarioOperation operation, Process process)
    {
        byte[] isResident = new byte[operation.Count];
        VirtAddr start = world.GetAddress(operation, operation.Name, operation.Offset);
        SyscallResult result = process.Memory.QueryResident(world.Cpu.Id, start, ToBytes(operation.Count), isResident);
        writer.Begin(operation).Add("r", result.IsError ? result.Errno.ToString() : "ok");
        if (!result.IsError)
        {
            writer.Add("map", string.Concat(isResident.Select(there => there == 1 ? '1' : '0')));
        }

        writer.End();
    }

    // Labels hold within the line: f0 is the first frame that appears.
    private void ShowFrames(ScenarioOperation operation, Process process)
    {
        List<Process> shown = [.. operation.Processes.Select(name => world.GetProcess(operation, name))];
        if (shown.Count == 0)
        {
            shown.Add(process);
        }

        VirtAddr start = world.GetAddress(operation, operation.Name, operation.Offset);
        List<PageMapEntry> labels = [];
        writer.Begin(operation).Add("at", world.Locate(start));
        StringBuilder text = new();
        foreach (Process owner in shown)
        {
            text.Clear();
            VirtAddr address = start;
            for (long i = 0; i < operation.Count; i++, address += ScenarioWorld.PageBytes)
            {
                text.Append(i > 0 ? " " : "").Append(Label(owner.ReadPageMap(address), labels));
            }

            writer.Add(owner.Name, text.ToString());
        }

        writer.Add("maps", string.Join(' ', labels.Select(entry => world.Machine.CountMappings(entry.Pfn)))).End();
    }

    private static string Label(PageMapEntry entry, List<PageMapEntry> labels)
    {
        if (entry.IsSwapped || !entry.IsPresent)
        {
            return entry.IsSwapped ? "s" : "-";
        }

        if (entry.IsZeroPage)
        {
            return "z";
        }

        Pfn pfn = entry.Pfn;
        int index = labels.FindIndex(label => label.Pfn == pfn);
        if (index < 0)
        {
            index = labels.Count;
            labels.Add(entry);
        }

        return string.Create(CultureInfo.InvariantCulture, $"f{index}");
    }
}
