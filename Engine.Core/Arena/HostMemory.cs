using System.Runtime.InteropServices;

namespace Engine.Core.Arena;

/// <summary>
/// The one place that takes memory from the host. On Linux an <c>mmap</c> without reserve and with
/// a guard page at both ends, 2 MiB aligned, huge pages advised; elsewhere an ordinary aligned allocation.
/// </summary>
internal sealed unsafe partial class HostMemory : IDisposable
{
    private const int ProtNone = 0;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymousNoReserve = 0x2 | 0x20 | 0x4000;
    private const int MadvHugePage = 14;
    private const ulong HugePageBytes = 2UL << 20;
    private const ulong GuardBytes = HugePageBytes;

    private readonly byte* mapping;
    private readonly ulong mappingBytes;
    private readonly bool isMapped;
    private bool isDisposed;

    /// <summary>Reserves <paramref name="lengthBytes"/> of zeroed address space; nothing of it is usable before <see cref="Commit"/>.</summary>
    /// <exception cref="InsufficientMemoryException">The host has no such range.</exception>
    public HostMemory(ulong lengthBytes)
    {
        LengthBytes = (lengthBytes + HugePageBytes - 1) & ~(HugePageBytes - 1);
        mappingBytes = LengthBytes + (2 * GuardBytes) + HugePageBytes;
        isMapped = OperatingSystem.IsLinux();
        if (isMapped)
        {
            mapping = MMap(null, (nuint)mappingBytes, ProtNone, MapPrivateAnonymousNoReserve, -1, 0);
            if ((nint)mapping == -1)
            {
                throw new InsufficientMemoryException($"the host cannot reserve {mappingBytes} bytes of address space for simulated memory");
            }
        }
        else
        {
#pragma warning disable RS0030 // this is the place that the ban points to
            mapping = (byte*)NativeMemory.AllocZeroed((nuint)mappingBytes);
#pragma warning restore RS0030
        }

        Start = (byte*)(((ulong)mapping + GuardBytes + HugePageBytes - 1) & ~(HugePageBytes - 1));
    }

    ~HostMemory() => Release();

    /// <summary>The first byte, 2 MiB aligned.</summary>
    public byte* Start { get; }

    /// <summary>Usable length, a multiple of 2 MiB.</summary>
    public ulong LengthBytes { get; }

    /// <summary>Makes a page-aligned range readable and writable.</summary>
    public void Commit(ulong offsetBytes, ulong lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offsetBytes, LengthBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(lengthBytes, LengthBytes - offsetBytes);
        if (!isMapped)
        {
            return;
        }

        if (MProtect(Start + offsetBytes, (nuint)lengthBytes, ProtReadWrite) != 0)
        {
            throw new InsufficientMemoryException($"the host refuses {lengthBytes} bytes of simulated memory");
        }

        // Advice: a host without huge pages loses speed, nothing else.
        _ = MAdvise(Start + offsetBytes, (nuint)lengthBytes, MadvHugePage);
    }

    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        if (isDisposed)
        {
            return;
        }

        isDisposed = true;
        if (isMapped)
        {
            _ = MUnmap(mapping, (nuint)mappingBytes);
        }
        else
        {
            NativeMemory.Free(mapping);
        }
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial byte* MMap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    private static partial int MUnmap(void* address, nuint length);

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int MProtect(void* address, nuint length, int protection);

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int MAdvise(void* address, nuint length, int advice);
}
