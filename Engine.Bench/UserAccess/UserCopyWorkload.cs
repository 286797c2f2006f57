using Engine.Arm64;
using Engine.Arm64.Kernel.Access;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Bench.Harness;
using Engine.Core.Units;

namespace Engine.Bench.UserAccess;

/// <summary>Copies to and from mapped pages of a process, or the same bytes without any translation.</summary>
internal sealed class UserCopyWorkload : IWorkload
{
    // 64 KiB in turn: within any L2 cache, beyond most L1s, and within the first TLB level.
    private const int Pages = 16;
    private const int Copies = 1 << 16;

    private readonly Machine machine = new(new MachineOptions { MemoryBytes = 64UL << 20 });
    private readonly Cpu cpu;
    private readonly VirtAddr heap;
    private readonly byte[] kernel;
    private readonly Pfn[] frames = new Pfn[Pages];
    private readonly string request;

    public UserCopyWorkload(string request, int sizeBytes)
    {
        this.request = request;
        kernel = new byte[sizeBytes];
        cpu = machine.Cpus[0];
        Process process = machine.CreateProcess("bench");
        cpu.SwitchTo(process);
        heap = process.Memory.Map(
            cpu.Id, default, Pages * Pfn.PageSizeBytes, MemoryProtection.Read | MemoryProtection.Write, MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Address;
        for (int i = 0; i < Pages; i++)
        {
            cpu.TryWrite(heap + ((ulong)i * Pfn.PageSizeBytes), 1);
            frames[i] = process.Tables.Read(heap + ((ulong)i * Pfn.PageSizeBytes)).Pfn;
        }
    }

    public void Prepare(int thread)
    {
    }

    public long Run(int thread)
    {
        ulong left = request switch
        {
            "to" => CopyTo(),
            "from" => CopyFrom(),
            "clear" => Clear(),
            _ => Plain(),
        };
        return left == 0 ? Copies : throw new InvalidOperationException($"{left} bytes were not copied");
    }

    public void Dispose() => machine.Dispose();

    private ulong CopyTo()
    {
        UserCopy user = machine.Kernel.User;
        ulong left = 0;
        for (int i = 0; i < Copies; i++)
        {
            left += user.CopyToUser(cpu, heap + ((ulong)(i & (Pages - 1)) * Pfn.PageSizeBytes), kernel);
        }

        return left;
    }

    private ulong CopyFrom()
    {
        UserCopy user = machine.Kernel.User;
        ulong left = 0;
        for (int i = 0; i < Copies; i++)
        {
            left += user.CopyFromUser(cpu, kernel, heap + ((ulong)(i & (Pages - 1)) * Pfn.PageSizeBytes));
        }

        return left;
    }

    private ulong Clear()
    {
        UserCopy user = machine.Kernel.User;
        ulong left = 0;
        for (int i = 0; i < Copies; i++)
        {
            left += user.ClearUser(cpu, heap + ((ulong)(i & (Pages - 1)) * Pfn.PageSizeBytes), (ulong)kernel.Length);
        }

        return left;
    }

    private ulong Plain()
    {
        for (int i = 0; i < Copies; i++)
        {
            kernel.CopyTo(machine.Memory.GetFrame(frames[i & (Pages - 1)]));
        }

        return 0;
    }
}
