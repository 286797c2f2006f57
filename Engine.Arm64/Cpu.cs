using Engine.Arm64.Faults;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <summary>
/// One CPU: its translation unit and the process that it runs. A CPU is used by one host thread at a time;
/// different CPUs may be used by different threads.
/// </summary>
public sealed class Cpu
{
    // A correct handler leaves an entry that the access can use. An access that still faults after this many rounds
    // meets an arena that somebody corrupts: it ends as a bus error instead of going round for ever.
    private const int FaultRoundsMax = 16;

    private readonly Machine machine;

    internal Cpu(Machine machine, CpuId id, TlbGeometry geometry, ulong seed)
    {
        this.machine = machine;
        Id = id;
        Mmu = new TranslationUnit<ArenaWalker, NoObserver>(geometry, new ArenaWalker(machine.Memory), default, seed);
        Mmu.Walker.AggregationLog2Max = geometry.Levels.Max(level => level.AggregationLog2);
        Mmu.Walker.SetsAccessFlag = machine.Options.HasHardwareDirtyState;
        Mmu.Walker.SetsDirtyState = machine.Options.HasHardwareDirtyState;

        // PSTATE.PAN is set on every entry to the kernel and stays so: copies use unprivileged loads and stores (LDTR, STTR).
        Mmu.Walker.ForbidsUserData = true;
    }

    /// <summary>The CPU's number.</summary>
    public CpuId Id { get; }

    /// <summary>Its TLBs and walker.</summary>
    public TranslationUnit<ArenaWalker, NoObserver> Mmu { get; }

    /// <summary>The process whose memory user accesses reach; null before the first <see cref="SwitchTo"/>.</summary>
    public Process? Current { get; private set; }

    /// <summary>Switches to a process (<c>cpu_switch_mm</c>): loads TTBR0 and the ASID. The TLB keeps what it has.</summary>
    public void SwitchTo(Process process)
    {
        Current = process;
        machine.SetActing(Id, process);
        process.NoteCpu(this);
        Mmu.Walker.Ttbr0 = process.Tables.Root.Address;
        Mmu.SwitchTo(process.Asid);
    }

    /// <summary>Runs accesses of the current process, with translation, faults and statistics.</summary>
    /// <param name="accesses">In program order.</param>
    /// <param name="result">How the last fault ended: <see cref="FaultResult.Minor"/> where all accesses were done, else why the next one cannot be.</param>
    /// <returns>How many accesses were done.</returns>
    /// <exception cref="InvalidOperationException">No process runs here.</exception>
    public int Run(ReadOnlySpan<Access> accesses, out FaultResult result)
    {
        Process process = Current ?? throw NoProcess();
        int done = 0;
        int rounds = 0;
        result = FaultResult.Minor;
        while (true)
        {
            int count = Mmu.Run(accesses[done..]);
            done += count;
            if (done == accesses.Length)
            {
                return done;
            }

            rounds = count > 0 ? 1 : rounds + 1;
            Access faulting = accesses[done];
            result = rounds > FaultRoundsMax
                ? FaultResult.BusAdrErr
                : FaultHandler.Handle(process, Id, faulting.Address, faulting.Kind);
            if (result > FaultResult.Major)
            {
                return done;
            }
        }
    }

    /// <summary>Reads one byte of the current process's memory.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The byte; 0 where the read ends in a signal.</param>
    public FaultResult TryRead(VirtAddr address, out byte value)
    {
        FaultResult result = Translate(address, AccessKind.Load, out PhysAddr physical);
        value = 0;
        if (result <= FaultResult.Major)
        {
            machine.Memory.TryRead(physical, out value);
        }

        return result;
    }

    /// <summary>Writes one byte of the current process's memory.</summary>
    /// <param name="address">Where.</param>
    /// <param name="value">The byte.</param>
    public FaultResult TryWrite(VirtAddr address, byte value)
    {
        FaultResult result = Translate(address, AccessKind.Store, out PhysAddr physical);
        if (result <= FaultResult.Major)
        {
            machine.Memory.TryWrite(physical, value);
        }

        return result;
    }

    /// <summary>Translates one access of the current process, faults included.</summary>
    /// <param name="address">Where.</param>
    /// <param name="kind">What the access does.</param>
    /// <param name="physical">The physical address, where the result is <see cref="FaultResult.Minor"/> or <see cref="FaultResult.Major"/>.</param>
    /// <exception cref="InvalidOperationException">No process runs here.</exception>
    public FaultResult Translate(VirtAddr address, AccessKind kind, out PhysAddr physical)
    {
        Process process = Current ?? throw NoProcess();
        FaultResult result = FaultResult.Minor;
        for (int rounds = 0; rounds <= FaultRoundsMax; rounds++)
        {
            ulong translated = Mmu.Translate(address, kind);
            if (translated != TranslationUnit<ArenaWalker, NoObserver>.Faulted)
            {
                physical = new PhysAddr(translated);
                return result;
            }

            FaultResult round = FaultHandler.Handle(process, Id, address, kind);
            result = round > result ? round : result;
            if (result > FaultResult.Major)
            {
                break;
            }
        }

        physical = default;
        return result > FaultResult.Major ? result : FaultResult.BusAdrErr;
    }

    private static InvalidOperationException NoProcess() => new("no process runs on this CPU; call SwitchTo first");
}
