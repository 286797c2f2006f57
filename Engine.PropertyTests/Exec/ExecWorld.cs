using System.Buffers.Binary;
using System.Text;
using Engine.Arm64;
using Engine.Arm64.Exec;
using Engine.Arm64.Units;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Engine.PropertyTests.Procfs;
using Xunit;

namespace Engine.PropertyTests.Exec;

/// <summary>A machine with a dynamic linker, whose process runs programs.</summary>
internal sealed class ExecWorld : IDisposable
{
    public const string LinkerName = "/lib/ld-linux-aarch64.so.1";

    public ExecWorld(ulong memoryBytes = 64 << 20)
    {
        Machine = new Machine(new MachineOptions { MemoryBytes = memoryBytes });
        Linker = Add(LinkerName, new ElfBuilder { Entry = 0x1040 }
            .Add(ElfBuilder.Load, 5, 0, 0, 0x2800, 0x2800)
            .Add(ElfBuilder.Load, 6, 0x3800, 0x13800, 0x400, 0x900)
            .Build());
        Process = Machine.CreateProcess("shell");
        Machine.Cpus[0].SwitchTo(Process);
    }

    public Machine Machine { get; }

    public OpenFile Linker { get; }

    public Process Process { get; }

    public CpuId Cpu => Machine.Cpus[0].Id;

    public OpenFile Add(string name, byte[] content) => Machine.OpenFile(name, new MemoryBacking(content));

    public ExecResult Exec(byte[] program, ExecOptions? options = null) => Process.Exec(Cpu, Add("/usr/bin/demo", program), options);

    public string Maps()
    {
        Assert.True(Machine.Procfs.TryRead($"{Process.Pid}/maps", out string maps));
        return maps;
    }

    public List<ProcEntry> Entries() => ProcReader.Parse(Maps());

    public ulong ReadWord(VirtAddr address)
    {
        byte[] word = Process.Peek(address, address + 8);
        Assert.Equal(8, word.Length);
        return BinaryPrimitives.ReadUInt64LittleEndian(word);
    }

    public string ReadString(ulong address)
    {
        byte[] bytes = Process.Peek(new VirtAddr(address), new VirtAddr(address + 200));
        return Encoding.UTF8.GetString(bytes.AsSpan(0, bytes.AsSpan().IndexOf((byte)0)));
    }

    /// <summary>Reads what lies at the stack pointer: arguments, environment, auxiliary vector.</summary>
    public (List<string> Arguments, List<string> Environment, Dictionary<AuxiliaryType, ulong> Auxiliary) ReadStack(VirtAddr stack)
    {
        VirtAddr at = stack + 8;
        List<string> ReadStrings()
        {
            List<string> strings = [];
            for (; ReadWord(at) != 0; at += 8)
            {
                strings.Add(ReadString(ReadWord(at)));
            }

            at += 8;
            return strings;
        }

        List<string> arguments = ReadStrings();
        Assert.Equal((ulong)arguments.Count, ReadWord(stack));
        List<string> environment = ReadStrings();
        Dictionary<AuxiliaryType, ulong> auxiliary = [];
        for (; ReadWord(at) != 0; at += 16)
        {
            auxiliary.Add((AuxiliaryType)ReadWord(at), ReadWord(at + 8));
        }

        return (arguments, environment, auxiliary);
    }

    /// <summary>Every invariant that can be recomputed.</summary>
    public void Verify()
    {
        Assert.Equal(0, Machine.Log.Count);
        foreach (Process process in Machine.Processes)
        {
            Assert.True(process.Memory.Verify());
        }
    }

    public void Dispose() => Machine.Dispose();
}
