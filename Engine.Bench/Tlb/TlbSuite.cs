using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Bench.Harness;

namespace Engine.Bench.Tlb;

/// <summary>Address translation: the CPU's unit by batch and by single call, the address stream alone, and what else there is.</summary>
public sealed class TlbSuite : ISuite
{
    private const string Shape = "l1i=48:full,l1d=48:full,l2=1280:5";
    private const ulong Base = 0x5500_0000_0000;
    private const uint PageCount = 1u << 18;
    private const int AccessCount = 1 << 20;

    // An emulator takes most of a microsecond for an access to a page that it has not at hand.
    private const int PeerAccessCount = 1 << 18;
    private const string UnicornHeader = "/usr/include/unicorn/unicorn.h";

    /// <inheritdoc/>
    public string Name => "tlb";

    /// <inheritdoc/>
    public string Description => "Address translation, ns per access.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        using SimulatedTables tables = new(Base, PageCount);
        string? unicorn = TryBuildUnicorn(out string? reason);
        if (unicorn is null)
        {
            SuiteContext.Note($"unicorn: not measured, {reason}");
        }

        foreach ((string name, Access[] accesses) in Streams())
        {
            List<WorkloadCase> cases =
            [
                new(name, "batch", "1G", 1, () => Batch(tables, accesses)),
                new(name, "single", "1G", 1, () => Single(tables, accesses)),
                new("trace-" + name, "batch", "1G", 1, () => AddressesAlone(accesses)),
                new("naive-" + name, "single", "1G", 1, () => Naive(accesses)),
            ];
            if (unicorn is not null && name is ("sequential" or "l1-mixed-64" or "walk-1g"))
            {
                cases.Add(new WorkloadCase("unicorn-" + name, "single", "1G", 1, () => new PeerProcess(unicorn, name, PeerAccessCount)) { IsPinned = false });
            }

            _ = context.Measure(cases);
        }
    }

    private static string? TryBuildUnicorn(out string? reason)
    {
        reason = "its header is not installed (libunicorn-dev)";
        return File.Exists(UnicornHeader)
            ? CProgram.TryBuild("Tlb/peers/tlb_unicorn.c", ["-O2", "-Wl,--no-as-needed", "-lunicorn"], out reason)
            : null;
    }

    private static IEnumerable<(string Name, Access[] Accesses)> Streams()
    {
        yield return ("mru-hit", Make(i => (ulong)i * 8 % 4096));
        yield return ("sequential", Make(i => (ulong)i * 8));
        yield return ("l1-hit-32", Random(32));
        yield return ("l1-mixed-64", Random(64));
        yield return ("l2-hit", Random(1024));
        yield return ("walk-warm", Make(i => (ulong)(i % 2048) << 12));
        yield return ("walk-1g", Random(PageCount));
    }

    private static Access[] Make(Func<int, ulong> offset) =>
        [.. Enumerable.Range(0, AccessCount).Select(i => new Access(new VirtAddr(Base + offset(i)), 8, AccessKind.Load))];

    private static Access[] Random(uint pages)
    {
        ulong state = 88172645463325252;
        return Make(_ =>
        {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            return ((((state >> 32) * pages) >> 32) << 12) | (state & 0xFF8);
        });
    }

    private static TlbGeometry Geometry()
    {
        _ = TlbSpec.TryParse(Shape, out TlbGeometry? geometry, out _, out _);
        return geometry!;
    }

    private static TranslationUnit<ArenaWalker, NoObserver> Unit(SimulatedTables tables)
    {
        ArenaWalker walker = new(tables.Memory) { Ttbr0 = tables.Root };
        return new TranslationUnit<ArenaWalker, NoObserver>(Geometry(), walker);
    }

    private static DelegateWorkload Batch(SimulatedTables tables, Access[] accesses)
    {
        TranslationUnit<ArenaWalker, NoObserver> unit = Unit(tables);
        ulong[] physical = new ulong[4096];
        return new DelegateWorkload(_ =>
        {
            for (int start = 0; start < accesses.Length; start += physical.Length)
            {
                Require(unit.Run(accesses.AsSpan(start, physical.Length), physical) == physical.Length);
            }

            return accesses.Length;
        });
    }

    private static DelegateWorkload Single(SimulatedTables tables, Access[] accesses)
    {
        TranslationUnit<ArenaWalker, NoObserver> unit = Unit(tables);
        return new DelegateWorkload(_ =>
        {
            ulong sum = 0;
            foreach (Access access in accesses)
            {
                sum += unit.Translate(access);
            }

            Require(sum != 0);
            return accesses.Length;
        });
    }

    private static DelegateWorkload Naive(Access[] accesses)
    {
        NaiveTlb tlb = new(Base, PageCount);
        return new DelegateWorkload(_ =>
        {
            ulong sum = 0;
            foreach (Access access in accesses)
            {
                sum += tlb.Translate(access);
            }

            Require(sum != 0);
            return accesses.Length;
        });
    }

    private static DelegateWorkload AddressesAlone(Access[] accesses)
    {
        TraceTlb tlb = new(Geometry());
        return new DelegateWorkload(_ =>
        {
            tlb.Run(accesses);
            return accesses.Length;
        });
    }

    private static void Require(bool isTrue)
    {
        if (!isTrue)
        {
            throw new InvalidOperationException("a translation failed");
        }
    }
}
