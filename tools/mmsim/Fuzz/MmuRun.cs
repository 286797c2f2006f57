// One MMU sequence on two copies of the same random tables. One copy is behind a translation unit with the fast walker, the other is
// walked anew at each access by the general walker, which follows the architecture's text. Both end in the same physical address or the
// same fault, whatever was cached; and what the hardware set in the tables, access flags and dirty states, is the same in both copies.
//
// The contiguous bit stays clear: random runs are misprogrammed ones, for which a TLB may answer otherwise than a walk.

using System.Runtime.InteropServices;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Mmsim.Fuzz;

/// <summary>One MMU sequence beside a walk by the book.</summary>
public sealed class MmuRun : IDisposable
{
    private const ulong Start = 0x4000_0000;
    private const int LengthBytes = 256 << 10;
    private const int TableBytes = 4096;
    private const int VerifyEvery = 256;
    private const uint AddressCount = 40;
    private const uint AsidCount = 3;

    // 48-bit halves in 4 KiB pages and 48-bit physical addresses, as Linux sets them.
    private const ulong Tcr = 16 | (16UL << 16) | (2UL << 30) | (5UL << 32);
    private const ulong TcrHardwareAccessFlag = 1UL << 39;
    private const ulong TcrHardwareDirtyState = 1UL << 40;

    private readonly PhysicalMemory own = new(new MemoryBank(new PhysAddr(Start), LengthBytes));
    private readonly PhysicalMemory book = new(new MemoryBank(new PhysAddr(Start), LengthBytes));
    private readonly MmuSetup setup;
    private readonly TranslationRegisters registers;
    private readonly TranslationUnit<ArenaWalker, NoObserver> unit;
    private ArenaMemory bookTables;

    private MmuRun(MmuSetup setup)
    {
        this.setup = setup;
        for (uint i = 0; i < LengthBytes / sizeof(ulong); i++)
        {
            Write(i, MakeDescriptor(setup.Tables, i));
        }

        bookTables = new ArenaMemory(book);
        registers = new TranslationRegisters(
            Start, Start + TableBytes,
            Tcr | (setup.SetsAccessFlag ? TcrHardwareAccessFlag : 0) | (setup.SetsDirtyState ? TcrHardwareDirtyState : 0),
            0xFF, TranslationRegisters.SctlrMmuOn, ArchitectureProfile.Full);
        ArenaWalker walker = new(own)
        {
            Ttbr0 = new PhysAddr(Start),
            Ttbr1 = new PhysAddr(Start + TableBytes),
            SetsAccessFlag = setup.SetsAccessFlag,
            SetsDirtyState = setup.SetsDirtyState,
        };
        if (!TlbSpec.TryParse(setup.Tlb, out TlbGeometry? geometry, out string? wrong, out _))
        {
            throw new ArgumentException(wrong, nameof(setup));
        }

        unit = new TranslationUnit<ArenaWalker, NoObserver>(geometry, walker, default, setup.Tables);
    }

    /// <summary>Runs a sequence.</summary>
    /// <exception cref="FuzzMismatchException">The translation unit and the walk disagree.</exception>
    public static void Replay(MmuSetup setup, IReadOnlyList<MmuOperation> operations)
    {
        using MmuRun run = new(setup);
        for (int i = 0; i < operations.Count; i++)
        {
            run.Apply(operations[i]);
            if (i % VerifyEvery == VerifyEvery - 1)
            {
                run.Verify();
            }
        }

        run.Verify();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        own.Dispose();
        book.Dispose();
    }

    private void Apply(MmuOperation operation)
    {
        switch (operation.Step)
        {
            case MmuStep.Translate:
                Translate(operation);
                break;
            case MmuStep.Rewrite:
                uint index = DescriptorOf(operation);
                Write(index, 0);
                unit.InvalidateAll();
                Write(index, MakeDescriptor(operation.Pick, index));
                break;
            case MmuStep.RewriteSilently:
                uint changed = DescriptorOf(operation);
                Write(changed, MakeDescriptor(operation.Pick, changed));
                break;
            case MmuStep.SwitchTo:
                unit.SwitchTo(new Asid((ushort)(operation.Pick % AsidCount)));
                break;
            case MmuStep.InvalidateAddress:
                VirtAddr address = AddressOf(operation);
                unit.Execute(TlbiInstruction.ForAddress(operation.IsPrivileged ? TlbiKind.Vae1 : TlbiKind.Vaae1, address, unit.CurrentAsid));
                break;
            case MmuStep.InvalidateAsid:
                unit.Invalidate(unit.CurrentAsid);
                break;
            case MmuStep.InvalidateAll:
                unit.InvalidateAll();
                break;
        }
    }

    private void Translate(MmuOperation operation)
    {
        VirtAddr address = AddressOf(operation);
        unit.IsPrivileged = operation.IsPrivileged;
        ulong found = unit.Translate(address, operation.Kind);
        TranslationAccess access = new(operation.Kind, operation.IsPrivileged ? 1 : 0, UpdatesTables: true);
        TranslationResult expected = Walker.Translate(ref bookTables, registers, address, access);
        string answer = found == TranslationUnit<ArenaWalker, NoObserver>.Faulted ? $"fault 0x{unit.Stop.FaultStatus:x2}" : $"0x{found:x}";
        string wanted = expected.IsOk ? $"0x{expected.Address.ToUInt64():x}" : $"fault 0x{expected.Fault.StatusCode:x2}";
        if (answer != wanted)
        {
            throw new FuzzMismatchException($"{operation.Kind} of {address} at EL{(operation.IsPrivileged ? 1 : 0)}: {answer} instead of {wanted}");
        }
    }

    private void Verify()
    {
        ReadOnlySpan<ulong> ownWords = MemoryMarshal.Cast<byte, ulong>(own.GetSpan(new PhysAddr(Start), LengthBytes));
        ReadOnlySpan<ulong> bookWords = MemoryMarshal.Cast<byte, ulong>(book.GetSpan(new PhysAddr(Start), LengthBytes));
        int same = ownWords.CommonPrefixLength(bookWords);
        if (same < ownWords.Length)
        {
            throw new FuzzMismatchException(
                $"the descriptor at 0x{Start + ((ulong)same * sizeof(ulong)):x} became 0x{ownWords[same]:x} instead of 0x{bookWords[same]:x}");
        }
    }

    private void Write(uint index, ulong descriptor)
    {
        PhysAddr place = new(Start + ((ulong)index * sizeof(ulong)));
        own.GetRef<ulong>(place) = descriptor;
        book.GetRef<ulong>(place) = descriptor;
    }

    // A descriptor on the way to an address, of any level that the walk reaches.
    private uint DescriptorOf(MmuOperation operation)
    {
        ulong address = AddressOf(operation).ToUInt64();
        ulong table = (address >> 63) == 0 ? Start : Start + TableBytes;
        uint last = operation.Pick / AddressCount % 4;
        for (uint level = 0; ; level++)
        {
            ulong place = table + (((address >> (int)(39 - (9 * level))) & 511) * sizeof(ulong));
            ulong descriptor = own.GetRef<ulong>(new PhysAddr(place));
            table = descriptor & 0x0000_FFFF_FFFF_F000;
            if (level == last || (descriptor & 3) != 3 || !own.Contains(new PhysAddr(table), TableBytes))
            {
                return (uint)((place - Start) / sizeof(ulong));
            }
        }
    }

    // A few pages in both halves, so that accesses meet again; any byte of them; now and then an address of neither half.
    private VirtAddr AddressOf(MmuOperation operation)
    {
        uint number = operation.Pick % AddressCount;
        ulong page = new SplitMix64(((ulong)setup.Tables << 32) | number).Next();
        ulong address = number % 13 == 12 ? page : (number & 1) == 0 ? page >> 16 : page | (0xFFFFUL << 48);
        return new VirtAddr((address & ~(ulong)(TableBytes - 1)) | ((operation.Pick / AddressCount) % TableBytes));
    }

    // Mostly tables and pages, some blocks and invalid ones; most lie in memory, most have been accessed.
    private static ulong MakeDescriptor(uint seed, uint index)
    {
        SplitMix64 random = new(((ulong)seed << 32) | index);
        int kind = random.Below(16);
        ulong low = kind < 13 ? 3UL : kind < 15 ? 1UL : (ulong)random.Below(4);
        ulong accessed = random.Below(8) == 0 ? 0 : 1UL << 10;
        ulong target = random.Below(24) == 0
            ? random.Next() & 0x0000_FFFF_FFFF_F000
            : Start + ((ulong)random.Below(LengthBytes / TableBytes) * TableBytes);
        ulong upper = random.Next() & ((1UL << 51) | (3UL << 53));
        ulong hierarchy = random.Below(4) == 0 ? random.Next() & (0xFUL << 59) : 0;
        ulong lower = random.Next() & 0xBFC;
        return low | lower | accessed | target | upper | hierarchy;
    }
}
