// Loads, stores and fetches of the kernel, at EL1, through the CPU's TLB (arch/arm64/mm/fault.c):
//
//   kernel address, mapped             the access is done
//   kernel address, not mapped         "paging request"
//   kernel address, not allowed        "write to read-only memory", "execute from non-executable memory", "read from unreadable memory"
//   user address, mapped               a permission fault: PAN is set. "access to user memory outside uaccess routines"
//   user address, not mapped           the fault is taken for the process as for any access, and then PAN strikes
//
// What would be an oops is printed in the kernel's words and reported as a finding; the access is not done, and the machine goes on.
//
// The linear map has every frame, those of processes among them, with the kernel's protection: an access there bypasses what the
// process allows, in both directions. That is possible on purpose, as on a real machine, and can be watched.

using System.Globalization;
using System.Runtime.InteropServices;
using Engine.Arm64.Faults;
using Engine.Arm64.Kernel.Map;
using Engine.Arm64.Tlb;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Access;

/// <summary>The kernel's own accesses.</summary>
public sealed class KernelAccess
{
    private const int FaultRoundsMax = 16;
    private const byte FaultKindMask = 0x3c;

    private readonly Machine machine;

    internal KernelAccess(Machine machine) => this.machine = machine;

    /// <summary>Whether an access through the linear map to a page that a process maps is reported (<see cref="CorruptionCategory.KernelAccess"/>); it is done all the same.</summary>
    public bool ReportsLinearAccessToUserPages { get; set; }

    /// <summary>Reads a value at EL1. Through the linear map it reads any frame, whatever the processes that own it allow.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    /// <param name="value">What is there.</param>
    /// <returns>False after an oops, which has been printed and reported.</returns>
    public bool TryRead<T>(Cpu cpu, VirtAddr address, out T value)
        where T : unmanaged
    {
        value = default;
        return TryRead(cpu, address, MemoryMarshal.AsBytes(new Span<T>(ref value)));
    }

    /// <summary>Writes a value at EL1. Through the linear map it writes any frame, whatever the processes that own it allow.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    /// <param name="value">What to write.</param>
    /// <returns>False after an oops, which has been printed and reported.</returns>
    public bool TryWrite<T>(Cpu cpu, VirtAddr address, T value)
        where T : unmanaged =>
        TryWrite(cpu, address, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>Reads bytes at EL1, page by page.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    /// <param name="bytes">Where to.</param>
    /// <returns>False after an oops; pages before it have been read.</returns>
    public bool TryRead(Cpu cpu, VirtAddr address, Span<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, BytesToPageEnd(address));
            if (!TryTranslate(cpu, address, AccessKind.Load, out PhysAddr physical) || !machine.Memory.Contains(physical, (ulong)count))
            {
                return false;
            }

            machine.Memory.GetSpan(physical, count).CopyTo(bytes);
            bytes = bytes[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Writes bytes at EL1, page by page.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    /// <param name="bytes">What to write.</param>
    /// <returns>False after an oops; pages before it have been written.</returns>
    public bool TryWrite(Cpu cpu, VirtAddr address, ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            int count = Math.Min(bytes.Length, BytesToPageEnd(address));
            if (!TryTranslate(cpu, address, AccessKind.Store, out PhysAddr physical) || !machine.Memory.Contains(physical, (ulong)count))
            {
                return false;
            }

            bytes[..count].CopyTo(machine.Memory.GetSpan(physical, count));
            bytes = bytes[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Whether the kernel can execute from an address; where not, that is an oops as for any other access.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    public bool TryFetch(Cpu cpu, VirtAddr address) => TryTranslate(cpu, address, AccessKind.Fetch, out _);

    /// <summary>Translates an access at EL1.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Any address.</param>
    /// <param name="kind">What the access does.</param>
    /// <param name="physical">The byte; it may be a device's.</param>
    /// <returns>False after an oops, which has been printed and reported.</returns>
    public bool TryTranslate(Cpu cpu, VirtAddr address, AccessKind kind, out PhysAddr physical)
    {
        for (int rounds = 0; rounds < FaultRoundsMax; rounds++)
        {
            cpu.Mmu.IsPrivileged = true;
            ulong translated = cpu.Mmu.Translate(address, kind);
            cpu.Mmu.IsPrivileged = false;
            if (translated != TranslationUnit<ArenaWalker, NoObserver>.Faulted)
            {
                physical = new PhysAddr(translated);
                if (ReportsLinearAccessToUserPages && KernelLayout.IsLinear(address))
                {
                    CheckLinear(address, physical);
                }

                return true;
            }

            if (!TryHandle(cpu, address, kind, cpu.Mmu.Stop))
            {
                break;
            }
        }

        physical = default;
        return false;
    }

    // do_page_fault() and __do_kernel_fault(), for an instruction that no exception table knows.
    private bool TryHandle(Cpu cpu, VirtAddr address, AccessKind kind, in TranslationStop stop)
    {
        bool isPermission = (stop.FaultStatus & FaultKindMask) == TranslationStop.PermissionFault;
        if (KernelLayout.IsUser(address))
        {
            if (isPermission)
            {
                return Die(kind == AccessKind.Fetch ? "execution of user memory" : "access to user memory outside uaccess routines", address);
            }

            if (cpu.Current is { } process && FaultHandler.HandleForKernel(process, cpu.Id, address, kind) <= FaultResult.Major)
            {
                return true;
            }
        }
        else if (isPermission)
        {
            return Die(
                kind is AccessKind.Store or AccessKind.Modify ? "write to read-only memory"
                : kind == AccessKind.Fetch ? "execute from non-executable memory"
                : "read from unreadable memory",
                address);
        }

        return Die(address.Value < Pfn.PageSizeBytes ? "NULL pointer dereference" : "paging request", address);
    }

    // die_kernel_fault()
    private bool Die(string what, VirtAddr address)
    {
        string text = string.Create(CultureInfo.InvariantCulture, $"Unable to handle kernel {what} at virtual address {address.Value:x16}");
        SlabSystem.Of(machine.Pages).Print(text + "\n");
        machine.Log.Report(new Corruption(CorruptionCategory.KernelAccess, text, default, 0, address.Value));
        return false;
    }

    private void CheckLinear(VirtAddr address, PhysAddr physical)
    {
        if (machine.Pages.Frames.IsValid(physical.Pfn) && machine.Pages.Frames[physical.Pfn].MapCount > 0)
        {
            machine.Log.Report(new Corruption(
                CorruptionCategory.KernelAccess, "access to a user page through the linear map", physical, 0, address.Value));
        }
    }

    private static int BytesToPageEnd(VirtAddr address) => Pfn.PageSizeBytes - (int)(address.Value & (Pfn.PageSizeBytes - 1));
}
