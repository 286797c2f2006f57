// The walk under a TLB. Linux's default shape, 4 KiB pages with 48-bit addresses in one bank of RAM, has a straight-line
// path: four dependent loads, each table address checked against the bank. Whatever else comes up (other shapes, faults,
// an access flag or dirty state to set, a table in another bank) goes to the general Walker, which gives the exact answer:
// the fast path only ever returns what the general one would.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Arm64.Units;
using Engine.Core.Arena;

namespace Engine.Arm64.Translation;

/// <summary>Walks tables in the arena under the registers of one CPU.</summary>
public sealed unsafe class ArenaWalker
{
    private const ulong AddressMask = Descriptor.AddressMask;
    private const ulong IndexMask = 0xFF8;
    private const int PermissionKinds = 256;

    private readonly PhysicalMemory memory;
    private readonly byte* bias;
    private readonly ulong bankStart;
    private readonly ulong bankBytes;
    private readonly byte[] permissions = new byte[PermissionKinds];
    private ArenaMemory tables;
    private TranslationRegisters registers;
    private Half lower;
    private Half upper;
    private WalkPath lastPath;
    private bool isEpan;
    private bool hasPan;

    /// <summary>Makes a walker; until <see cref="SetRegisters"/> stage 1 is off.</summary>
    /// <param name="memory">The machine's memory.</param>
    public ArenaWalker(PhysicalMemory memory)
    {
        this.memory = memory;
        bias = memory.Bias;
        bankStart = memory.Banks[0].Start.ToUInt64();
        bankBytes = memory.Banks[0].LengthBytes;
        tables = new ArenaMemory(memory);
        SetRegisters(default(TranslationRegisters) with { Profile = ArchitectureProfile.Full });
    }

    /// <summary>The registers in force.</summary>
    public ref readonly TranslationRegisters Registers => ref registers;

    /// <summary>The tables that the last successful fast walk passed; all zero after any other.</summary>
    public ref readonly WalkPath LastPath => ref lastPath;

    /// <summary>Puts other registers in force, as a context switch does.</summary>
    public void SetRegisters(in TranslationRegisters value)
    {
        registers = value;
        lower = MakeHalf(isUpper: false);
        upper = MakeHalf(isUpper: true);
        bool isWxn = (value.Sctlr & TranslationRegisters.SctlrWxn) != 0;
        isEpan = (value.Sctlr & TranslationRegisters.SctlrEpan) != 0 && value.Profile.Has(TranslationFeatures.PrivilegedAccessNever3);
        hasPan = value.Profile.Has(TranslationFeatures.PrivilegedAccessNever);
        for (uint index = 0; index < PermissionKinds; index++)
        {
            permissions[index] = (byte)PermissionDecoder.Stage1(LeafOfIndex(index), (ulong)(index >> 4) << 59, isWxn);
        }
    }

    /// <summary>Translates one access.</summary>
    /// <param name="address">The virtual address, all 64 bits.</param>
    /// <param name="access">Who accesses, and how.</param>
    /// <param name="fill">What a TLB keeps, or the fault.</param>
    /// <returns>False on a fault.</returns>
    public bool TryWalk(VirtAddr address, in TranslationAccess access, out WalkFill fill)
    {
        ulong va = address.ToUInt64();
        ref Half half = ref (va & (1UL << 55)) == 0 ? ref lower : ref upper;
        ulong checkedBits = access.IsFetch ? half.CheckedBitsOfCode : half.CheckedBitsOfData;
        if (half.IsFast && (va & checkedBits) == (half.HalfBits & checkedBits) && !(half.IsClosedToUser && access.ExceptionLevel == 0))
        {
            // SAFETY: MakeHalf checked that the root table lies in the first bank.
            ulong descriptor = *(ulong*)(bias + half.Root + ((va >> 36) & IndexMask));
            if ((descriptor & 3) == 3 && TryWalkFrom1(half, va, descriptor, descriptor, access, out fill))
            {
                return true;
            }
        }

        return WalkSlow(address, access, out fill);
    }

    /// <summary>Translates one access from a level-2 or level-3 table that a walk cache remembers.</summary>
    /// <param name="level">2 or 3.</param>
    /// <param name="table">A word of <see cref="WalkPath"/>.</param>
    /// <param name="address">The virtual address; its upper bits were checked when the word was recorded.</param>
    /// <param name="access">Who accesses, and how.</param>
    /// <param name="fill">What a TLB keeps, or the fault of a full walk.</param>
    /// <returns>False on a fault.</returns>
    public bool TryWalkFrom(int level, ulong table, VirtAddr address, in TranslationAccess access, out WalkFill fill)
    {
        ulong va = address.ToUInt64();
        ref Half half = ref (va & (1UL << 55)) == 0 ? ref lower : ref upper;
        if (half.IsFast)
        {
            lastPath = default;
            bool isDone = level == 2
                ? TryWalkFrom2(half, va, table, table, access, out fill)
                : TryWalkFrom3(half, va, table, table, access, out fill);
            if (isDone)
            {
                fill.DescriptorReads = (byte)(fill.Level - level + 1);
                return true;
            }
        }

        return WalkSlow(address, access, out fill);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWalkFrom1(in Half half, ulong va, ulong link, ulong passed, in TranslationAccess access, out WalkFill fill)
    {
        ulong table = link & AddressMask;
        if (unchecked(table - bankStart) >= bankBytes)
        {
            Unsafe.SkipInit(out fill);
            return false;
        }

        lastPath.Level1 = table | (passed & half.Hierarchical);

        // SAFETY: table is a multiple of 4 KiB inside the first bank, whose bounds are multiples of 4 KiB, and committed.
        ulong descriptor = *(ulong*)(bias + table + ((va >> 27) & IndexMask));
        if ((descriptor & 3) == 3)
        {
            return TryWalkFrom2(half, va, descriptor, passed | descriptor, access, out fill);
        }

        return TryFinish(half, descriptor, passed, 1, 30, access, out fill);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWalkFrom2(in Half half, ulong va, ulong link, ulong passed, in TranslationAccess access, out WalkFill fill)
    {
        ulong table = link & AddressMask;
        if (unchecked(table - bankStart) >= bankBytes)
        {
            Unsafe.SkipInit(out fill);
            return false;
        }

        lastPath.Level2 = table | (passed & half.Hierarchical);

        // SAFETY: as in TryWalkFrom1.
        ulong descriptor = *(ulong*)(bias + table + ((va >> 18) & IndexMask));
        if ((descriptor & 3) == 3)
        {
            return TryWalkFrom3(half, va, descriptor, passed | descriptor, access, out fill);
        }

        return TryFinish(half, descriptor, passed, 2, 21, access, out fill);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryWalkFrom3(in Half half, ulong va, ulong link, ulong passed, in TranslationAccess access, out WalkFill fill)
    {
        ulong table = link & AddressMask;
        if (unchecked(table - bankStart) >= bankBytes)
        {
            Unsafe.SkipInit(out fill);
            return false;
        }

        lastPath.Level3 = table | (passed & half.Hierarchical);

        // SAFETY: as in TryWalkFrom1.
        ulong descriptor = *(ulong*)(bias + table + ((va >> 9) & IndexMask));
        if ((descriptor & 3) != 3)
        {
            Unsafe.SkipInit(out fill);
            return false;
        }

        // A page looks like a block from here on.
        return TryFinish(half, descriptor & ~2UL, passed, 3, 12, access, out fill);
    }

    // The leaf: only what needs no update and no fault is finished here.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool TryFinish(
        in Half half, ulong descriptor, ulong passed, int level, int shift, in TranslationAccess access, out WalkFill fill)
    {
        ulong hardwareWritable = (descriptor >> 44) & half.DirtyMask;
        ulong index = ((descriptor >> 53) & 3) | ((descriptor >> 4) & 12) | ((passed & half.Hierarchical) >> 55);

        // SAFETY: index is a byte, and the table has 256 entries.
        AccessPermissions allowed = (AccessPermissions)Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(permissions), (nint)(byte)index);
        ulong output = descriptor & AddressMask & ~((1UL << shift) - 1);
        bool isPlain = (descriptor & (3 | Descriptor.AccessFlagBit)) == (1 | Descriptor.AccessFlagBit)
            && (hardwareWritable & descriptor) == 0
            && output <= half.OutputLast;
        if (!isPlain || !allowed.Allows(access, isEpan) || (access.Pan && !hasPan))
        {
            Unsafe.SkipInit(out fill);
            return false;
        }

        fill.OutputBase = output;
        fill.Descriptor = new Descriptor(level == 3 ? descriptor | 2 : descriptor);
        fill.FaultCode = WalkFill.NoFault;
        fill.Level = (sbyte)level;
        fill.BlockShift = (byte)shift;
        fill.RunShift = (byte)(shift + (int)((descriptor >> 50) & 4));
        fill.Permissions = allowed;
        fill.AttributeIndex = (byte)((descriptor >> 2) & 7);
        fill.Flags = (WalkFillFlags)((~descriptor >> 11) & 1) | (WalkFillFlags)((descriptor >> 49) & 2);
        fill.DescriptorReads = (byte)(level + 1);
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool WalkSlow(VirtAddr address, in TranslationAccess access, out WalkFill fill)
    {
        lastPath = default;
        TranslationResult result = Walker.Translate(ref tables, registers, address, access);
        ulong blockMask = result.IsOk ? (1UL << result.BlockShift) - 1 : 0;
        AccessPermissions held = result.IsDirtyPending
            ? result.Permissions & ~(AccessPermissions.UserWrite | AccessPermissions.PrivilegedWrite)
            : result.Permissions;
        fill = new WalkFill
        {
            OutputBase = result.Address.ToUInt64() & ~blockMask,
            Descriptor = result.Descriptor,
            FaultCode = result.IsOk ? WalkFill.NoFault : (byte)result.Fault.StatusCode,
            Level = result.IsOk ? result.Level : result.Fault.Level,
            BlockShift = result.BlockShift,
            RunShift = result.RunShift,
            Permissions = held,
            AttributeIndex = result.AttributeIndex,
            Flags = (result.IsGlobal ? WalkFillFlags.Global : 0) | (result.IsGuarded ? WalkFillFlags.Guarded : 0)
                | (result.IsDirtyPending ? WalkFillFlags.DirtyPending : 0),
            DescriptorReads = result.DescriptorReads,
        };
        return result.IsOk;
    }

    private Half MakeHalf(bool isUpper)
    {
        TranslationControl control = TranslationControl.Decode(registers, isUpper);
        ulong checkedBits = ulong.MaxValue << 48;
        return new Half
        {
            Root = control.Root,
            HalfBits = isUpper ? checkedBits : 0,
            CheckedBitsOfData = control.IgnoresTopByteOfData ? checkedBits & (ulong.MaxValue >> 8) : checkedBits,
            CheckedBitsOfCode = control.IgnoresTopByteOfCode ? checkedBits & (ulong.MaxValue >> 8) : checkedBits,
            Hierarchical = control.IgnoresTableAttributes ? 0 : PermissionDecoder.HierarchicalMask,
            DirtyMask = control.SetsDirtyState ? Descriptor.ReadOnlyBit : 0,
            OutputLast = (1UL << control.Format.OutputBits) - 1,
            IsClosedToUser = control.IsClosedToUser,
            IsFast = control.IsConfigured && !control.IsWalkDisabled && !control.Format.IsWide
                && control.Format.GranuleShift == 12 && control.InputBits == 48
                && (registers.Sctlr & (TranslationRegisters.SctlrMmuOn | TranslationRegisters.SctlrBigEndian)) == TranslationRegisters.SctlrMmuOn
                && !control.Format.IsOutOfRange(control.Root)
                && unchecked(control.Root - bankStart) < bankBytes,
        };
    }

    // The inverse of the index in TryFinish: UXN and PXN in 1:0, AP in 3:2, the tables' four bits above.
    private static ulong LeafOfIndex(uint index) => ((ulong)(index & 3) << 53) | ((ulong)(index & 12) << 4);

    // One half's registers, decoded for the fast path.
    private struct Half
    {
        public ulong Root;
        public ulong HalfBits;
        public ulong CheckedBitsOfData;
        public ulong CheckedBitsOfCode;
        public ulong Hierarchical;
        public ulong DirtyMask;
        public ulong OutputLast;
        public bool IsClosedToUser;
        public bool IsFast;
    }
}
