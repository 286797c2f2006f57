using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Swap;

namespace Mmsim.Scenario;

/// <content>Operations on files.</content>
internal sealed partial class ScenarioRunner
{
    private void ExecuteOnFile(ScenarioOperation operation)
    {
        // The script's driver acts, which no memory limit holds.
        world.Machine.Cgroups.SetActive(world.Cpu.Id, null);
        switch (operation.Kind)
        {
            case ScenarioOperationKind.CreateFile:
                CreateFile(operation);
                break;
            case ScenarioOperationKind.SwapOn:
                SwapOn(operation);
                break;
            case ScenarioOperationKind.SetHugePages:
                SetHugePages(operation);
                break;
            case ScenarioOperationKind.ReadFile:
                ReadFile(operation, world.GetFile(operation, operation.Name));
                break;
            case ScenarioOperationKind.ShowCached:
                ShowCached(operation, world.GetFile(operation, operation.Name));
                break;
            default:
                string errno = ChangeFile(operation, world.GetFile(operation, operation.Name));
                writer.Begin(operation).Add("r", errno).End();
                break;
        }
    }

    private void SwapOn(ScenarioOperation operation)
    {
        if (world.Machine.Swap.Areas.Count > 0)
        {
            throw world.Error(operation, "swap space is on already", "one swapon");
        }

        MemorySwapStore store = new((ulong)operation.Count << 20);
        if (world.Machine.Swap.SwapOn(world.Cpu.Id, "/dev/zram0", store) is null)
        {
            throw world.Error(operation, "the machine has no memory for the map of the swap space");
        }

        writer.Begin(operation).Add("r", "ok").End();
    }

    private void SetHugePages(ScenarioOperation operation)
    {
        bool isKnown = world.Machine.HugePages.Read(operation.Name) is not null;
        string errno = !isKnown ? "ENOENT" : world.Machine.HugePages.TryWrite(operation.Name, operation.Other) ? "ok" : "EINVAL";
        writer.Begin(operation).Add("r", errno).End();
    }

    // Page i is filled with (i * 7 + 1) & 255, written back and cached.
    private void CreateFile(ScenarioOperation operation)
    {
        IBackingStore backing = operation.IsSet ? new ShmemBacking(0) : new MemoryBacking(0);
        OpenFile io = world.Machine.OpenFile(operation.Name, backing);
        MappedFileModes modes = operation.IsReadOnly ? MappedFileModes.Read : MappedFileModes.ReadWrite;
        modes |= operation.IsSet ? MappedFileModes.None : MappedFileModes.AlignsHugePages;
        OpenFile mapped = world.Machine.Files.Reopen(io, modes);
        Span<byte> page = stackalloc byte[(int)ScenarioWorld.PageBytes];
        for (long i = 0; i < operation.Count; i++)
        {
            page.Fill(unchecked((byte)((i * 7) + 1)));
            io.Mapping.Write(world.Cpu.Id, ToBytes(i), page, out _);
        }

        io.Mapping.Sync(world.Cpu.Id);
        world.AddFile(operation, new ScenarioFile(operation.Name, mapped, io));
        writer.Begin(operation).Add("r", "ok").End();
    }

    private string ChangeFile(ScenarioOperation operation, ScenarioFile file)
    {
        FileMapping mapping = file.Io.Mapping;
        switch (operation.Kind)
        {
            case ScenarioOperationKind.Evict:
                ReadaheadState fresh = mapping.OpenState();
                mapping.Sync(world.Cpu.Id);
                mapping.Advise(world.Cpu.Id, ref fresh, FileAdvice.DontNeed, 0, 0);
                return "ok";
            case ScenarioOperationKind.Warm:
                return Warm(mapping);
            case ScenarioOperationKind.SyncFile:
                return ToErrno(mapping.Sync(world.Cpu.Id));
            case ScenarioOperationKind.Truncate:
                return operation.Count < 0 ? "EINVAL" : ToErrno(mapping.Truncate(world.Cpu.Id, ToBytes(operation.Count)));
            case ScenarioOperationKind.PunchHole:
                return operation.Offset < 0 || operation.Count <= 0
                    ? "EINVAL"
                    : ToErrno(mapping.PunchHole(world.Cpu.Id, ToBytes(operation.Offset), ToBytes(operation.Count)));
            default:
                return operation.Offset < 0 ? "EINVAL" : ToErrno(mapping.Write(world.Cpu.Id, ToBytes(operation.Offset), [operation.Value], out _));
        }
    }

    private string Warm(FileMapping mapping)
    {
        ReadaheadState fresh = mapping.OpenState();
        byte[] page = new byte[ScenarioWorld.PageBytes];
        ulong offset = 0;
        while (mapping.Read(world.Cpu.Id, ref fresh, offset, page, out int read) == FileIoResult.Done && read > 0)
        {
            offset += ScenarioWorld.PageBytes;
        }

        return "ok";
    }

    private void ReadFile(ScenarioOperation operation, ScenarioFile file)
    {
        byte[] bytes = new byte[(int)ToBytes(operation.Count)];
        long read = -1;
        if (operation.Offset >= 0)
        {
            file.Io.Mapping.Read(world.Cpu.Id, ref file.Io.Readahead, ToBytes(operation.Offset), bytes, out int count);
            read = count;
        }

        int pages = read <= 0 ? 0 : (int)((read + (long)ScenarioWorld.PageBytes - 1) / (long)ScenarioWorld.PageBytes);
        writer.Begin(operation).Add("bytes", read)
            .Add("v", Enumerable.Range(0, pages).Select(i => (int)bytes[i * (int)ScenarioWorld.PageBytes])).End();
    }

    private void ShowCached(ScenarioOperation operation, ScenarioFile file)
    {
        char[] map = new char[operation.Count];
        for (long i = 0; i < operation.Count; i++)
        {
            map[i] = file.Io.Mapping.IsCached((ulong)(operation.Offset + i)) ? '1' : '0';
        }

        writer.Begin(operation).Add("map", new string(map)).End();
    }

    private static string ToErrno(FileIoResult result) => result switch
    {
        FileIoResult.Done => "ok",
        FileIoResult.InputOutputError => "EIO",
        FileIoResult.OutOfMemory => "ENOMEM",
        _ => "EFBIG",
    };
}
