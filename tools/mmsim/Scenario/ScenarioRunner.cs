using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Mmsim.Cli;

namespace Mmsim.Scenario;

/// <summary>Runs a scenario on the engine and prints what FORMAT.md defines.</summary>
internal sealed partial class ScenarioRunner
{
    private readonly ScenarioWorld world;
    private readonly ScenarioWriter writer;

    private ScenarioRunner(ScenarioWorld world, ScenarioWriter writer)
    {
        this.world = world;
        this.writer = writer;
    }

    /// <summary>Runs a script on a fresh machine.</summary>
    /// <param name="script">The script's name, for messages.</param>
    /// <param name="operations">Its operations.</param>
    /// <param name="seed">Of everything random in the machine.</param>
    /// <param name="sink">Gets each line of output.</param>
    /// <param name="prepare">Sets the machine up before the first line, or null.</param>
    /// <param name="beforeEach">Sees the world before each operation, or null.</param>
    /// <param name="atEnd">Sees the world after the last line, or null.</param>
    /// <exception cref="InputException">A name is undefined, or defined twice.</exception>
    public static void Run(string script, IReadOnlyList<ScenarioOperation> operations, ulong seed, Action<string> sink, Action<Machine>? prepare = null, Action<ScenarioWorld>? beforeEach = null, Action<ScenarioWorld>? atEnd = null)
    {
        using ScenarioWorld world = new(script, seed);
        prepare?.Invoke(world.Machine);
        ScenarioRunner runner = new(world, new ScenarioWriter(sink));
        foreach (ScenarioOperation operation in operations)
        {
            beforeEach?.Invoke(world);
            runner.Execute(operation);
        }

        atEnd?.Invoke(world);
    }

    private void Execute(ScenarioOperation operation)
    {
        DrainLists();
        if (operation.Process is null)
        {
            ExecuteOnFile(operation);
            return;
        }

        Process process = world.GetProcess(operation, operation.Process);
        world.Cpu.SwitchTo(process);
        switch (operation.Kind)
        {
            case ScenarioOperationKind.Map or ScenarioOperationKind.MapAt or ScenarioOperationKind.MapNoReplace or ScenarioOperationKind.MapAnywhere:
                Map(operation, process);
                break;
            case ScenarioOperationKind.Remap:
                Remap(operation, process);
                break;
            case ScenarioOperationKind.Read or ScenarioOperationKind.Write:
                AccessOne(operation, process);
                break;
            case ScenarioOperationKind.ReadMany or ScenarioOperationKind.WriteMany:
                AccessMany(operation, process);
                break;
            case ScenarioOperationKind.Fork:
                Fork(operation, process);
                break;
            case ScenarioOperationKind.Exit:
                Exit(operation, operation.Name.Length == 0 ? process : world.GetProcess(operation, operation.Name));
                break;
            case ScenarioOperationKind.LimitMemory:
                LimitMemory(operation, process);
                break;
            case >= ScenarioOperationKind.Observe and <= ScenarioOperationKind.ShowFrames:
                Look(operation, process);
                break;
            default:
                CallOnRange(operation, process);
                break;
        }
    }

    // The driver of the recordings empties its CPU's batches of LRU pages before each step.
    private void DrainLists() => world.Machine.Pages.Lru.Drain(world.Cpu.Id);

    // A process that the kernel killed has only this to say, and is gone.
    private bool EndIfKilled(ScenarioOperation operation, Process process)
    {
        if (!process.IsKilled)
        {
            return false;
        }

        writer.Begin(operation).Add("r", "KILLED");
        if (operation.Kind is ScenarioOperationKind.Read or ScenarioOperationKind.Write)
        {
            writer.Add("fr", "none");
        }

        writer.End();
        world.RemoveProcess(process);
        process.Exit(world.Cpu.Id);
        return true;
    }

    private void LimitMemory(ScenarioOperation operation, Process process)
    {
        process.Cgroup = world.Machine.Cgroups.Create(world.Cpu.Id, process.Name, (ulong)operation.Count)
            ?? throw world.Error(operation, "the machine has no memory for a memory cgroup");
        writer.Begin(operation).Add("r", "ok").End();
    }

    private static ulong ToBytes(long pages) => unchecked((ulong)(pages * (long)ScenarioWorld.PageBytes));

    private void Map(ScenarioOperation operation, Process process)
    {
        bool isAnywhere = operation.Kind == ScenarioOperationKind.MapAnywhere;
        if (!isAnywhere)
        {
            world.CheckNewRegion(operation, operation.Name);
        }

        (VirtAddr address, MapFlags place) = operation.Kind switch
        {
            ScenarioOperationKind.Map => (world.NextSlot(operation), MapFlags.FixedNoReplace),
            ScenarioOperationKind.MapAt => (world.GetAddress(operation, operation.Other, operation.OtherOffset), MapFlags.Fixed),
            ScenarioOperationKind.MapNoReplace => (world.GetAddress(operation, operation.Other, operation.OtherOffset), MapFlags.FixedNoReplace),
            _ => (default(VirtAddr), MapFlags.None),
        };
        MappedFile file = operation.File.Length == 0 ? MappedFile.None : world.GetFile(operation, operation.File).Mapped.ToMappedFile();
        FaultCount before = new(process);
        SyscallResult result = process.Memory.Map(
            world.Cpu.Id, address, ToBytes(operation.Count), operation.Protection, operation.MapFlags | place, file, ToBytes(operation.FileOffset));
        if (EndIfKilled(operation, process))
        {
            return;
        }

        writer.Begin(operation);
        AddResult(result, before, process);
        if (!result.IsError || !isAnywhere)
        {
            address = result.IsError ? address : result.Address;
            world.AddRegion(operation, operation.Name, address);
            writer.Add("at", world.Locate(address));
        }

        writer.End();
    }

    private void Remap(ScenarioOperation operation, Process process)
    {
        bool isFixed = (operation.RemapFlags & RemapFlags.Fixed) != 0;
        bool isNaming = !isFixed && operation.Other.Length != 0;
        if (isNaming)
        {
            world.CheckNewRegion(operation, operation.Other);
        }

        VirtAddr target = isFixed ? world.GetAddress(operation, operation.Other, operation.OtherOffset) : default;
        VirtAddr address = world.GetAddress(operation, operation.Name, operation.Offset);
        FaultCount before = new(process);
        SyscallResult result = process.Memory.Remap(
            world.Cpu.Id, address, ToBytes(operation.Count), ToBytes(operation.NewCount), operation.RemapFlags, target);
        if (EndIfKilled(operation, process))
        {
            return;
        }

        writer.Begin(operation);
        AddResult(result, before, process);
        if (!result.IsError)
        {
            writer.Add("to", world.Locate(result.Address));
            if (isNaming)
            {
                world.AddRegion(operation, operation.Other, result.Address);
            }
        }

        writer.End();
    }

    private void CallOnRange(ScenarioOperation operation, Process process)
    {
        VirtAddr address = operation.Name.Length == 0 ? default : world.GetAddress(operation, operation.Name, operation.Offset);
        FaultCount before = new(process);
        SyscallResult result = Call(operation, process.Memory, address, ToBytes(operation.Count));
        if (EndIfKilled(operation, process))
        {
            return;
        }

        writer.Begin(operation);
        AddResult(result, before, process);
        writer.End();
    }

    private SyscallResult Call(ScenarioOperation operation, MemoryMap memory, VirtAddr address, ulong lengthBytes)
    {
        switch (operation.Kind)
        {
            case ScenarioOperationKind.Unmap:
                return memory.Unmap(world.Cpu.Id, address, lengthBytes);
            case ScenarioOperationKind.Protect:
                return memory.Protect(world.Cpu.Id, address, lengthBytes, operation.Protection);
            case ScenarioOperationKind.Advise:
                return memory.Advise(world.Cpu.Id, address, lengthBytes, operation.Advice);
            case ScenarioOperationKind.Lock or ScenarioOperationKind.LockOnFault:
                return memory.Lock(world.Cpu.Id, address, lengthBytes, operation.Kind == ScenarioOperationKind.LockOnFault);
            case ScenarioOperationKind.Unlock:
                return memory.Unlock(world.Cpu.Id, address, lengthBytes);
            case ScenarioOperationKind.Sync:
                return memory.Sync(world.Cpu.Id, address, lengthBytes, SyncFlags.Sync);
            case ScenarioOperationKind.Break:
                VirtAddr wanted = world.GetAddress(operation, "heap", operation.Count);
                return memory.Break(world.Cpu.Id, wanted).Address == wanted ? Errno.None : Errno.ENOMEM;
            case ScenarioOperationKind.SetThp:
                memory.State.IsThpDisabled = operation.IsSet ? 0 : 1;
                return Errno.None;
            default:
                throw world.Error(operation, $"'{operation.Word}' cannot be run");
        }
    }

    private void Fork(ScenarioOperation operation, Process process)
    {
        world.CheckNewProcess(operation);
        Process? child = process.Fork(world.Cpu.Id, operation.Name);
        if (child is not null)
        {
            world.AddProcess(child);
        }

        writer.Begin(operation).Add("child", operation.Name).Add("r", child is null ? "failed" : "ok").End();
    }

    private void Exit(ScenarioOperation operation, Process process)
    {
        world.RemoveProcess(process);
        process.Exit(world.Cpu.Id);
        writer.Begin(operation with { Process = process.Name }).End();
    }

    private void AddResult(SyscallResult result, FaultCount before, Process process) =>
        writer.Add("r", result.IsError ? result.Errno.ToString() : "ok")
            .Add("min", before.MinorSince(process))
            .Add("maj", before.MajorSince(process));
}
