using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;

namespace Mmsim.Scenario;

/// <content>Accesses: the first byte of a page, with one load or one store.</content>
internal sealed partial class ScenarioRunner
{
    private void AccessOne(ScenarioOperation operation, Process process)
    {
        VirtAddr address = world.GetAddress(operation, operation.Name, operation.Offset);
        FaultCount before = new(process);
        FaultResult result = AccessPage(operation, process, address, out byte value, out string change);
        if (EndIfKilled(operation, process))
        {
            return;
        }

        writer.Begin(operation);
        string signal = SignalName(result);
        writer.Add("r", signal.Length == 0 ? "ok" : signal);
        if (signal.Length == 0)
        {
            writer.Add("v", value);
        }

        writer.Add("min", before.MinorSince(process)).Add("maj", before.MajorSince(process)).Add("fr", change).End();
    }

    private void AccessMany(ScenarioOperation operation, Process process)
    {
        VirtAddr address = world.GetAddress(operation, operation.Name, operation.Offset);
        FaultCount before = new(process);
        long ok = 0;
        long segv = 0;
        long bus = 0;
        long sum = 0;
        long fresh = 0;
        long same = 0;
        long zero = 0;
        for (long i = 0; i < operation.Count; i++, address += ScenarioWorld.PageBytes)
        {
            FaultResult result = AccessPage(operation, process, address, out byte value, out string change);
            if (EndIfKilled(operation, process))
            {
                return;
            }

            bool isDone = result <= FaultResult.Major;
            ok += isDone ? 1 : 0;
            bus += result == FaultResult.BusAdrErr ? 1 : 0;
            segv += !isDone && result != FaultResult.BusAdrErr ? 1 : 0;
            sum += isDone ? value : 0;
            fresh += change == "new" ? 1 : 0;
            same += change == "same" ? 1 : 0;
            zero += change == "zero" ? 1 : 0;
        }

        writer.Begin(operation).Add("ok", ok).Add("segv", segv).Add("bus", bus).Add("sum", sum)
            .Add("min", before.MinorSince(process)).Add("maj", before.MajorSince(process))
            .Add("new", fresh).Add("same", same).Add("zero", zero).End();
    }

    private FaultResult AccessPage(ScenarioOperation operation, Process process, VirtAddr address, out byte value, out string change)
    {
        DrainLists();
        PageMapEntry before = process.ReadPageMap(address);
        FaultResult result;
        if (operation.Kind is ScenarioOperationKind.Write or ScenarioOperationKind.WriteMany)
        {
            value = operation.Value;
            result = world.Cpu.TryWrite(address, value);
        }
        else
        {
            result = world.Cpu.TryRead(address, out value);
        }

        PageMapEntry after = process.ReadPageMap(address);
        change = !after.IsPresent ? "none"
            : after.IsZeroPage ? "zero"
            : before.IsPresent && before.Pfn == after.Pfn ? "same" : "new";
        return result;
    }

    private static string SignalName(FaultResult result) => result switch
    {
        FaultResult.Minor or FaultResult.Major => "",
        FaultResult.SegvMapErr => "SEGV_MAPERR",
        FaultResult.SegvAccErr => "SEGV_ACCERR",
        FaultResult.BusAdrErr => "BUS",
        _ => "KILLED",
    };
}
