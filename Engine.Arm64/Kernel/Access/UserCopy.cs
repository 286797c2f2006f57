// Copies between the kernel and the current process (include/linux/uaccess.h, arch/arm64/lib/copy_template.S).
//
// The user's side goes page by page through the process's own mapping: the CPU's TLB, a walk, a fault where one is due. PAN stays on:
// the loads and stores are unprivileged ones (LDTR, STTR), which have exactly the rights that the process has, so that nothing opens a
// window in which a stray access could slip through. Addresses that are no user addresses are refused before anything is touched
// (access_ok). What cannot be copied is not copied, and the number of bytes left says so; Linux may leave up to 63 bytes more of the last
// page that worked, because it copies in pieces of 64.
//
// The kernel's side is a span of the host, or a kernel address. A kernel address is checked first as hardened usercopy does: the copy must
// lie within one object.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Arena;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Access;

/// <summary>copy_to_user and its kin, for the process that runs on a CPU.</summary>
public sealed partial class UserCopy
{
    private const ulong TaskSize = 1UL << 48;
    private const int PageBytes = Pfn.PageSizeBytes;
    private const int FaultRoundsMax = 16;

    private readonly Machine machine;
    private readonly PhysicalMemory memory;
    private readonly ObjectChecks checks;

    internal UserCopy(Machine machine, ObjectChecks checks)
    {
        (this.machine, this.checks) = (machine, checks);
        memory = machine.Memory;
    }

    /// <summary>Whether a range is one of user addresses (<c>access_ok</c>); the top byte of the address is ignored.</summary>
    public static bool IsUserRange(VirtAddr address, ulong lengthBytes) =>
        lengthBytes <= TaskSize && Untag(address).Value <= TaskSize - lengthBytes;

    /// <summary>Copies to the current process (<c>copy_to_user</c>).</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="to">A user address.</param>
    /// <param name="from">What to copy.</param>
    /// <returns>Bytes not copied: 0 where all went well, all of them where <paramref name="to"/> is no user address.</returns>
    public ulong CopyToUser(Cpu cpu, VirtAddr to, ReadOnlySpan<byte> from)
    {
        if (!IsUserRange(to, (ulong)from.Length))
        {
            return (ulong)from.Length;
        }

        VirtAddr address = Untag(to);
        int done = 0;
        while (done < from.Length)
        {
            int count = Math.Min(from.Length - done, PageBytes - (int)(address.Value & (PageBytes - 1)));
            if (!TryTranslate(cpu, address, AccessKind.Store, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
            {
                break;
            }

            from.Slice(done, count).CopyTo(memory.GetSpan(physical, count));
            done += count;
            address += (ulong)count;
        }

        return (ulong)(from.Length - done);
    }

    /// <summary>Copies from the current process (<c>copy_from_user</c>). What cannot be read is zero.</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="to">Where to; filled whole.</param>
    /// <param name="from">A user address.</param>
    /// <returns>Bytes not copied.</returns>
    public ulong CopyFromUser(Cpu cpu, Span<byte> to, VirtAddr from)
    {
        int done = 0;
        if (IsUserRange(from, (ulong)to.Length))
        {
            VirtAddr address = Untag(from);
            while (done < to.Length)
            {
                int count = Math.Min(to.Length - done, PageBytes - (int)(address.Value & (PageBytes - 1)));
                if (!TryTranslate(cpu, address, AccessKind.Load, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
                {
                    break;
                }

                memory.GetSpan(physical, count).CopyTo(to.Slice(done, count));
                done += count;
                address += (ulong)count;
            }
        }

        to[done..].Clear();
        return (ulong)(to.Length - done);
    }

    /// <summary>Copies from a kernel address to the current process (<c>copy_to_user</c> with <c>check_object_size</c>).</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="to">A user address.</param>
    /// <param name="from">A kernel address: linear, vmalloc, or of the image.</param>
    /// <param name="lengthBytes">Bytes.</param>
    /// <returns>Bytes not copied: all of them where the copy would leave its object, which is reported as a BUG.</returns>
    public ulong CopyToUser(Cpu cpu, VirtAddr to, VirtAddr from, ulong lengthBytes)
    {
        ulong left = lengthBytes;
        while (left != 0 && IsUserRange(to, left) && (left != lengthBytes || checks.TryCheck(from, lengthBytes, isToUser: true)))
        {
            int count = (int)Math.Min(left, (ulong)(PageBytes - (int)(from.Value & (PageBytes - 1))));
            if (!machine.Kernel.Access.TryTranslate(cpu, from, AccessKind.Load, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
            {
                break;
            }

            ulong notCopied = CopyToUser(cpu, to, memory.GetSpan(physical, count));
            left -= (ulong)count - notCopied;
            if (notCopied != 0)
            {
                break;
            }

            (to, from) = (to + (ulong)count, from + (ulong)count);
        }

        return left;
    }

    /// <summary>Copies from the current process to a kernel address (<c>copy_from_user</c> with <c>check_object_size</c>). What cannot be read is zero.</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="to">A kernel address: linear, vmalloc, or of the image.</param>
    /// <param name="from">A user address.</param>
    /// <param name="lengthBytes">Bytes.</param>
    /// <returns>Bytes not copied: all of them, with nothing written, where the copy would leave its object, which is reported as a BUG.</returns>
    public ulong CopyFromUser(Cpu cpu, VirtAddr to, VirtAddr from, ulong lengthBytes)
    {
        if (!checks.TryCheck(to, lengthBytes, isToUser: false))
        {
            return lengthBytes;
        }

        ulong notRead = 0;
        for (ulong done = 0; done < lengthBytes;)
        {
            int count = (int)Math.Min(lengthBytes - done, (ulong)(PageBytes - (int)((to.Value + done) & (PageBytes - 1))));
            if (!machine.Kernel.Access.TryTranslate(cpu, to + done, AccessKind.Store, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
            {
                return lengthBytes - done;
            }

            Span<byte> target = memory.GetSpan(physical, count);
            if (notRead != 0)
            {
                target.Clear();
                notRead += (ulong)count;
            }
            else
            {
                notRead = CopyFromUser(cpu, target, from + done);
            }

            done += (ulong)count;
        }

        return notRead;
    }

    /// <summary>Zeroes a part of the current process's memory (<c>clear_user</c>).</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="address">A user address.</param>
    /// <param name="lengthBytes">Bytes.</param>
    /// <returns>Bytes not zeroed.</returns>
    public ulong ClearUser(Cpu cpu, VirtAddr address, ulong lengthBytes)
    {
        ulong left = lengthBytes;
        if (!IsUserRange(address, lengthBytes))
        {
            return left;
        }

        VirtAddr at = Untag(address);
        while (left != 0)
        {
            int count = (int)Math.Min(left, (ulong)(PageBytes - (int)(at.Value & (PageBytes - 1))));
            if (!TryTranslate(cpu, at, AccessKind.Store, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
            {
                break;
            }

            memory.GetSpan(physical, count).Clear();
            left -= (ulong)count;
            at += (ulong)count;
        }

        return left;
    }

    /// <summary>Writes one value of 1, 2, 4 or 8 bytes (<c>put_user</c>).</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="address">A user address.</param>
    /// <param name="value">What to write.</param>
    /// <returns>EFAULT, or none.</returns>
    public Errno PutUser<T>(Cpu cpu, VirtAddr address, T value)
        where T : unmanaged =>
        CopyToUser(cpu, address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value))) == 0 ? Errno.None : Errno.EFAULT;

    /// <summary>Reads one value of 1, 2, 4 or 8 bytes (<c>get_user</c>).</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="address">A user address.</param>
    /// <param name="value">What is there; zero where it cannot be read.</param>
    /// <returns>EFAULT, or none.</returns>
    public Errno GetUser<T>(Cpu cpu, VirtAddr address, out T value)
        where T : unmanaged
    {
        value = default;
        if (CopyFromUser(cpu, MemoryMarshal.AsBytes(new Span<T>(ref value)), address) == 0)
        {
            return Errno.None;
        }

        value = default;
        return Errno.EFAULT;
    }

    private static VirtAddr Untag(VirtAddr address) => ((address.Value >> 55) & 1) == 0 ? new VirtAddr(address.Value & (ulong.MaxValue >> 8)) : address;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool TryTranslate(Cpu cpu, VirtAddr address, AccessKind kind, out PhysAddr physical)
    {
        ulong translated = cpu.Mmu.Translate(address, kind);
        physical = new PhysAddr(translated);
        return translated != TranslationUnit<ArenaWalker, NoObserver>.Faulted || TryFault(cpu, address, kind, out physical);
    }

    // The exception table's entry of the copy: the fault is handled for the process, or the copy ends here.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool TryFault(Cpu cpu, VirtAddr address, AccessKind kind, out PhysAddr physical)
    {
        physical = default;
        for (int rounds = 0; rounds < FaultRoundsMax; rounds++)
        {
            if (cpu.Current is not { } process || FaultHandler.HandleForKernel(process, cpu.Id, address, kind) > FaultResult.Major)
            {
                return false;
            }

            ulong translated = cpu.Mmu.Translate(address, kind);
            if (translated != TranslationUnit<ArenaWalker, NoObserver>.Faulted)
            {
                physical = new PhysAddr(translated);
                return true;
            }
        }

        return false;
    }
}
