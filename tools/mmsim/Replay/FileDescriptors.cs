// Which file a mapping shows. The trace has no content and no file length, so a file is made of synthesised content,
// as long as the longest mapping of it anywhere in the trace needs. Two openings of one path are one file.

using Engine.Arm64;
using Engine.Arm64.Processes;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Mmsim.Traces;

namespace Mmsim.Replay;

/// <summary>The traced program's open files, by descriptor.</summary>
internal sealed class FileDescriptors
{
    private const ulong InitialImageBytes = 1UL << 48;

    private readonly Machine machine;
    private readonly ulong seed;
    private readonly Dictionary<ulong, string> paths = [];
    private readonly Dictionary<string, OpenFile> files = [];
    private readonly Dictionary<string, ulong> lengths;
    private OpenFile? image;

    /// <summary>Prepares the files of a trace.</summary>
    public FileDescriptors(Machine machine, ulong seed, IReadOnlyList<SyscallEvent> syscalls)
    {
        this.machine = machine;
        this.seed = seed;
        lengths = FindLengths(syscalls);
    }

    /// <summary>What the address space held before the trace began: one file whose offsets are the addresses.</summary>
    public OpenFile Image => image ??= machine.OpenFile("initial image", new SynthesizedBacking(seed, InitialImageBytes));

    /// <summary>The file behind a descriptor that the trace maps.</summary>
    public OpenFile this[ulong descriptor]
    {
        get
        {
            string path = PathOf(paths, descriptor);
            if (!files.TryGetValue(path, out OpenFile? file))
            {
                ulong fileSeed = unchecked(seed + ((ulong)files.Count + 1) * 0x9E37_79B9_7F4A_7C15UL);
                file = machine.OpenFile(path, new SynthesizedBacking(fileSeed, lengths.GetValueOrDefault(path, (ulong)Pfn.PageSizeBytes)));
                files.Add(path, file);
            }

            return file;
        }
    }

    /// <summary>Follows a call that opens, duplicates or closes a descriptor.</summary>
    public void Follow(SyscallEvent syscall) => Follow(paths, syscall);

    private static void Follow(Dictionary<ulong, string> paths, SyscallEvent syscall)
    {
        if (!syscall.IsSuccess)
        {
            return;
        }

        switch (syscall.Number)
        {
            case X86Syscall.Open or X86Syscall.Openat:
                paths[Descriptor(syscall.Result)] = syscall.Path ?? $"descriptor {syscall.Result} of record {syscall.RecordIndex}";
                break;
            case X86Syscall.Dup or X86Syscall.Dup2 or X86Syscall.Dup3:
                paths[Descriptor(syscall.Result)] = PathOf(paths, syscall.Arg(0));
                break;
            case X86Syscall.Close:
                paths.Remove(Descriptor(syscall.Arg(0)));
                break;
        }
    }

    private static Dictionary<string, ulong> FindLengths(IReadOnlyList<SyscallEvent> syscalls)
    {
        Dictionary<ulong, string> open = [];
        Dictionary<string, ulong> found = [];
        foreach (SyscallEvent syscall in syscalls)
        {
            Follow(open, syscall);
            if (syscall is { IsSuccess: true, Number: X86Syscall.Mmap } && ((MapFlags)(int)syscall.Arg(3) & MapFlags.Anonymous) == 0)
            {
                string path = PathOf(open, syscall.Arg(4));
                ulong end = unchecked(syscall.Arg(5) + syscall.Arg(1));
                found[path] = Math.Max(found.GetValueOrDefault(path), Math.Min(end, InitialImageBytes));
            }
        }

        return found;
    }

    private static string PathOf(Dictionary<ulong, string> paths, ulong descriptor) =>
        paths.GetValueOrDefault(Descriptor(descriptor)) ?? $"descriptor {Descriptor(descriptor)}";

    // valgrind prints descriptors as 32 bits or as 64.
    private static ulong Descriptor(ulong value) => unchecked((uint)value);
}
