using Engine.Arm64;
using Engine.Core.Arena;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>Changes one word of what a machine's kernel keeps in memory, and reads all that can be read of it.</summary>
internal static class ArenaDamage
{
    private const int WordBytes = sizeof(ulong);

    /// <summary>Changes a word: a bit of it, a little, or altogether, to a random value or to what another word has.</summary>
    public static void Apply(Machine machine, SplitMix64 random)
    {
        PhysicalMemory memory = machine.Memory;
        PhysAddr target = Pick(machine, random);
        ulong other = memory.GetRef<ulong>(Pick(machine, random));
        ref ulong word = ref memory.GetRef<ulong>(target);
        word = random.Below(8) switch
        {
            0 => 0,
            1 => ulong.MaxValue,
            2 => random.Next(),
            3 => other,
            4 => unchecked(word + (ulong)random.Below(17) - 8),
            _ => word ^ (1UL << random.Below(64)),
        };
    }

    /// <summary>Recounts what can be recounted, and reads every file of <c>/proc</c>: all may report, none may throw.</summary>
    public static void LookAtAll(Machine machine)
    {
        _ = machine.VerifyMappings();
        _ = machine.VerifyReclaim();
        _ = machine.Pages.Verify();
        _ = machine.PageCache.Verify();
        foreach (Process process in machine.Processes)
        {
            _ = process.Memory.Verify();
        }

        foreach (string name in machine.Procfs.Names)
        {
            if (machine.Procfs.TryOpen(name, out ProcFile? file))
            {
                Read(file);
            }
        }
    }

    private static void Read(ProcFile file)
    {
        switch (file)
        {
            case ProcTextFile text:
                _ = text.ReadAll();
                break;
            case ProcBytesFile bytes:
                _ = bytes.ReadAll();
                break;
            case ProcWordFile words:
                _ = words.TryRead(0, new byte[1 << 16], out _);
                break;
        }
    }

    // A word of a region that boot carved out, of a frame that is in use, or of its descriptor.
    private static PhysAddr Pick(Machine machine, SplitMix64 random)
    {
        if (random.Below(4) == 0)
        {
            MemoryRegion region = machine.Layout.Regions[random.Below(machine.Layout.Regions.Count)];
            return region.Start + (random.Next() % (region.LengthBytes / WordBytes) * WordBytes);
        }

        FrameTable frames = machine.Pages.Frames;
        List<Pfn> used = [];
        for (uint i = 0; i < frames.Count; i++)
        {
            Pfn pfn = frames.First + i;
            if (frames.IsValid(pfn) && (frames[pfn].Flags != 0 || frames[pfn].RefCount != 0))
            {
                used.Add(pfn);
            }
        }

        Pfn picked = used[random.Below(used.Count)];
        return random.Below(2) == 0
            ? picked.Address + ((ulong)random.Below(Pfn.PageSizeBytes / WordBytes) * WordBytes)
            : frames.Region.Start + ((ulong)(picked - frames.First) * Frame.SizeBytes) + ((ulong)random.Below(Frame.SizeBytes / WordBytes) * WordBytes);
    }
}
