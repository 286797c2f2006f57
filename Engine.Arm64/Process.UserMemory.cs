using Engine.Arm64.Faults;
using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>What system calls read from and write to the process's memory, with its faults.</content>
public sealed partial class Process
{
    // As in Cpu: more rounds come only from an arena that somebody corrupts.
    private const int AccessRoundsMax = 16;

    private const ulong InPageMask = Pfn.PageSizeBytes - 1;

    /// <summary>Writes bytes (<c>copy_to_user</c>).</summary>
    /// <returns>False where an access would end in a signal (EFAULT); what lies before it is written.</returns>
    internal bool TryWriteUser(CpuId cpu, VirtAddr address, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length > 0)
        {
            int count = CountInPage(address, bytes.Length);
            if (!TryReach(cpu, address, AccessKind.Store, out Span<byte> page))
            {
                return false;
            }

            bytes[..count].CopyTo(page[(int)(address.Value & InPageMask)..]);
            bytes = bytes[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Writes zeroes (<c>clear_user</c>).</summary>
    /// <returns>As <see cref="TryWriteUser"/>.</returns>
    internal bool TryClearUser(CpuId cpu, VirtAddr address, int lengthBytes)
    {
        while (lengthBytes > 0)
        {
            int count = CountInPage(address, lengthBytes);
            if (!TryReach(cpu, address, AccessKind.Store, out Span<byte> page))
            {
                return false;
            }

            page.Slice((int)(address.Value & InPageMask), count).Clear();
            lengthBytes -= count;
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Reads bytes (<c>copy_from_user</c>).</summary>
    /// <returns>As <see cref="TryWriteUser"/>.</returns>
    internal bool TryReadUser(CpuId cpu, VirtAddr address, Span<byte> destination)
    {
        while (destination.Length > 0)
        {
            int count = CountInPage(address, destination.Length);
            if (!TryReach(cpu, address, AccessKind.Load, out Span<byte> page))
            {
                return false;
            }

            page.Slice((int)(address.Value & InPageMask), count).CopyTo(destination);
            destination = destination[count..];
            address += (ulong)count;
        }

        return true;
    }

    /// <summary>Reads a string that ends with a zero (<c>strndup_user</c>, mm/util.c).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="address">Where.</param>
    /// <param name="lengthMax">Bytes that it may have, the zero included.</param>
    /// <param name="text">The string without the zero.</param>
    /// <returns>EFAULT where it cannot be read, EINVAL where it is longer.</returns>
    internal Errno ReadUserString(CpuId cpu, VirtAddr address, int lengthMax, out byte[] text)
    {
        text = new byte[lengthMax];
        for (int i = 0; i < lengthMax; i++)
        {
            if (!TryReadUser(cpu, address + (ulong)i, text.AsSpan(i, 1)))
            {
                return Errno.EFAULT;
            }

            if (text[i] == 0)
            {
                text = text[..i];
                return Errno.None;
            }
        }

        return Errno.EINVAL;
    }

    private static int CountInPage(VirtAddr address, int length) => (int)Math.Min((ulong)length, Pfn.PageSizeBytes - (address.Value & InPageMask));

    // The page's bytes, after the faults that an access takes.
    private bool TryReach(CpuId cpu, VirtAddr address, AccessKind kind, out Span<byte> page)
    {
        page = default;
        if (address >= Memory.Options.TaskSize)
        {
            return false;
        }

        bool isWrite = kind == AccessKind.Store;
        for (int rounds = 0; rounds < AccessRoundsMax; rounds++)
        {
            Descriptor entry = Tables.Read(address);
            bool isUsable = entry.IsPresent && !entry.IsProtNone && entry.IsYoung && (!isWrite || (entry.IsWritable && entry.IsDirty));
            if (isUsable && TryFindPage(address, out Pfn pfn))
            {
                page = Machine.Memory.GetFrame(pfn);
                return true;
            }

            if (FaultHandler.HandleForKernel(this, cpu, address, kind) > FaultResult.Major)
            {
                return false;
            }
        }

        return false;
    }
}
