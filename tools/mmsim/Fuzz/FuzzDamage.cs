// Negative tests by the thousand: a random script of memory system calls runs while words of what the kernel keeps in memory change
// under it: descriptors of frames, bitmaps, page lists, slabs, page tables, VMAs. What the script sees may be anything, and reports are
// expected. A finding is what hurts the host: an exception, or a run that does not end.

using System.Globalization;
using Engine.Arm64;
using Engine.Core.Arena;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Frames;
using Engine.Core.Units;
using Mmsim.Cli;
using Mmsim.Scenario;

namespace Mmsim.Fuzz;

/// <summary>Fuzzes the rule that garbage in the arena never hurts the host.</summary>
public sealed class FuzzDamage : IFuzzTarget
{
    private const string Mark = "damage ";
    private const int DamagesMax = 8;
    private const int OthersMax = 24;
    private const int WordBytes = sizeof(ulong);
    private const int RunSecondsMax = 60;

    /// <inheritdoc/>
    public string Name => "damage";

    /// <inheritdoc/>
    public string Description => "Memory system calls while random words of the kernel's own data change: reports are fine, exceptions and endless loops are not.";

    /// <summary>A script of system calls with lines <c>damage N</c> among them.</summary>
    public static IReadOnlyList<string> MakeScript(ulong seed)
    {
        SplitMix64 random = new(seed);
        List<string> script = [.. SyscallScript.Make(seed)];
        script.Insert(3, $"swapon {1 + random.Below(8)}");
        script.Insert(4, random.Below(2) == 0 ? "main: thp on" : "main: thp off");
        script.Insert(5, "main: mmap BIG 2048 rw private anon");
        for (int count = random.Below(OthersMax); count > 0; count--)
        {
            script.Insert(6 + random.Below(script.Count - 6), MakeOther(random));
        }

        for (int count = 1 + random.Below(DamagesMax); count > 0; count--)
        {
            script.Insert(3 + random.Below(script.Count - 3), Mark + (random.Next() >> 1).ToString(CultureInfo.InvariantCulture));
        }

        return script;
    }

    // Calls that SyscallScript leaves out because what they answer depends on the machine, on names that are always there.
    private static string MakeOther(SplitMix64 random)
    {
        string range = random.Below(2) == 0 ? $"BIG {random.Below(2048)} {1 + random.Below(700)}" : $"R{1 + random.Below(2)} {random.Below(30)} {1 + random.Below(20)}";
        string Advise(string advice) => $"main: madvise {range} {advice}";
        return random.Below(16) switch
        {
            0 or 1 => Advise("pageout"),
            2 => Advise("collapse"),
            3 => Advise("hugepage"),
            4 => Advise("cold"),
            5 => Advise("free"),
            6 => Advise("willneed"),
            7 => $"evict F{random.Below(3)}",
            8 => $"readfile F{random.Below(3)} {random.Below(24)} {1 + random.Below(12)}",
            9 => $"main: mincore {range}",
            10 => $"main: pagemap {range}",
            11 => $"main: frames {range}",
            12 => "main: obs",
            13 => $"main: munmap {range}",
            _ => $"main: writen BIG {random.Below(2000)} {1 + random.Below(40)} 7",
        };
    }

    /// <inheritdoc/>
    public FuzzResult RunOne(ulong seed)
    {
        IReadOnlyList<string> script = MakeScript(seed);
        if (FindFailure(script) is null)
        {
            return new FuzzResult(script.Count);
        }

        IReadOnlyList<string> smallest = SequenceShrinker.Shrink(script, shorter => FindFailure(shorter) is not null, 400);
        return new FuzzResult(script.Count, FindFailure(smallest), string.Join('\n', smallest) + "\n");
    }

    /// <summary>Runs a script with lines <c>damage N</c> in it; what hurt the host, or null.</summary>
    public static string? FindFailure(IReadOnlyList<string> script)
    {
        string? failure = null;
        Thread thread = new(() => failure = Try(script)) { IsBackground = true };
        thread.Start();
        return thread.Join(TimeSpan.FromSeconds(RunSecondsMax)) ? failure : $"no end after {RunSecondsMax} seconds";
    }

    private static string? Try(IReadOnlyList<string> script)
    {
        // By the number of calls before them.
        List<(int Before, ulong Seed)> damages = [];
        List<string> lines = [];
        foreach (string line in script)
        {
            if (line.StartsWith(Mark, StringComparison.Ordinal))
            {
                damages.Add((lines.Count, ulong.Parse(line.AsSpan(Mark.Length), CultureInfo.InvariantCulture)));
            }
            else
            {
                lines.Add(line);
            }
        }

#pragma warning disable CA1031 // whatever is thrown is a finding
        try
        {
            int done = 0;
            ScenarioRunner.Run(
                "fuzz",
                ScenarioParser.Parse("fuzz", lines),
                1,
                _ => { },
                prepare: machine => machine.HugePages.TryWrite("enabled", "always"),
                beforeEach: world =>
                {
                    foreach ((int before, ulong seed) in damages)
                    {
                        if (before == done)
                        {
                            Damage(world.Machine, new SplitMix64(seed));
                        }
                    }

                    done++;
                },
                atEnd: Finish);
            return null;
        }
        catch (InputException)
        {
            return null;
        }
        catch (Exception wrong)
        {
            return wrong.ToString();
        }
#pragma warning restore CA1031
    }

    // All that recounts may report, and all that is left is given back.
    private static void Finish(ScenarioWorld world)
    {
        Machine machine = world.Machine;
        _ = machine.VerifyMappings();
        _ = machine.VerifyReclaim();
        _ = machine.Pages.Verify();
        foreach (string name in machine.Procfs.Names)
        {
            if (machine.Procfs.TryOpen(name, out ProcFile? file))
            {
                Read(file);
            }
        }

        foreach (Process process in world.Live.ToArray())
        {
            _ = process.Memory.Verify();
            process.Exit(world.Cpu.Id);
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

    private static void Damage(Machine machine, SplitMix64 random)
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
            if (frames.IsValid(pfn) && (frames[pfn].Flags | (uint)frames[pfn].RefCount) != 0)
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
