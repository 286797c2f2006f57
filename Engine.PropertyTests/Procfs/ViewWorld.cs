using System.Buffers.Binary;
using Engine.Arm64;
using Engine.Arm64.Faults;
using Engine.Arm64.HugePages;
using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.Procfs;

/// <summary>A machine whose processes map and touch memory, and whose views are read.</summary>
internal sealed class ViewWorld : IDisposable
{
    public const MemoryProtection ReadWrite = MemoryProtection.Read | MemoryProtection.Write;
    private const ulong PageBytes = Pfn.PageSizeBytes;

    public ViewWorld(ulong memoryBytes = 64 << 20, HugePageOptions? hugePages = null)
    {
        Machine = new Machine(new MachineOptions { MemoryBytes = memoryBytes, HugePages = hugePages ?? new HugePageOptions() });
        Disk = Machine.OpenFile("/usr/lib/libdemo.so.1", new MemoryBacking(64 * PageBytes));
        Shmem = Machine.OpenFile("/memfd:demo (deleted)", new ShmemBacking(64 * PageBytes));
        First = Machine.CreateProcess("first");
        Run(First);
    }

    public Machine Machine { get; }

    public OpenFile Disk { get; }

    public OpenFile Shmem { get; }

    public Process First { get; }

    public CpuId Cpu => Machine.Cpus[0].Id;

    public void Run(Process process) => Machine.Cpus[0].SwitchTo(process);

    public VirtAddr Map(Process process, int pageCount, MemoryProtection protection, MapFlags flags, OpenFile? file = null, int pageOffset = 0, ulong address = 0)
    {
        SyscallResult mapped = process.Memory.Map(
            Cpu, new VirtAddr(address), (ulong)pageCount * PageBytes, protection, flags | (file is null ? MapFlags.Anonymous : 0),
            file?.ToMappedFile() ?? MappedFile.None, (ulong)pageOffset * PageBytes);
        Assert.False(mapped.IsError, mapped.ToString());
        return mapped.Address;
    }

    public void Touch(Process process, VirtAddr address, bool isWrite)
    {
        Run(process);
        FaultResult result = isWrite ? Machine.Cpus[0].TryWrite(address, 7) : Machine.Cpus[0].TryRead(address, out _);
        Assert.True(result <= FaultResult.Major, $"{result} at {address}");
    }

    public string Read(string name)
    {
        Assert.True(Machine.Procfs.TryRead(name, out string content), name);
        return content;
    }

    public List<ProcEntry> Smaps(Process process) => ProcReader.Parse(Read($"{process.Pid}/smaps"));

    public ProcEntry SmapsOf(Process process, VirtAddr address) =>
        Assert.Single(Smaps(process), entry => entry.Start <= address.ToUInt64() && entry.End > address.ToUInt64());

    public ulong Word(string name, ulong index)
    {
        Assert.True(Machine.Procfs.TryOpen(name, out ProcFile? file));
        byte[] word = new byte[8];
        Assert.True(Assert.IsAssignableFrom<ProcWordFile>(file).TryRead(index * 8, word, out int readBytes));
        return readBytes == 8 ? BinaryPrimitives.ReadUInt64LittleEndian(word) : throw new EndOfStreamException(name);
    }

    public ulong Status(Process process, string label)
    {
        string line = Assert.Single(Read($"{process.Pid}/status").Split('\n'), line => line.StartsWith(label + ":\t", StringComparison.Ordinal));
        return ulong.Parse(line[(label.Length + 2)..].Replace("kB", "", StringComparison.Ordinal).Trim(), System.Globalization.CultureInfo.InvariantCulture);
    }

    public void Dispose() => Machine.Dispose();
}
