// The arena: all RAM of the simulated machine as one reservation of host memory.
//
// A physical address turns into a host pointer in exactly one way: host = start + (address - Start).
// The reservation spans from the first bank to the last; what lies between banks is a hole: reserved,
// never accessible. Every public accessor checks that the whole access lies in one bank, because the
// address may come from the arena itself and may be garbage.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Engine.Core.Units;

namespace Engine.Core.Arena;

/// <summary>The physical memory of the simulated machine.</summary>
public sealed unsafe class PhysicalMemory : IDisposable
{
    /// <summary>The widest span from first to last byte, in bytes: the range of a 32-bit frame number.</summary>
    public const ulong SpanBytesMax = 1UL << 43;

    private const ulong BankAlignmentBytes = 2UL << 20;

    // What is zeroed in the caches: its owner is about to use it, and finds it there. More would drive out what others use.
    private const uint CachedClearFramesMax = 16;

    private const int HostCacheLineBytes = 64;

    private readonly HostMemory host;
    private readonly MemoryBank[] banks;

    // The first bank's bounds, so that the common machine with one bank checks an access with two compares.
    private readonly ulong firstStart;
    private readonly ulong firstLengthBytes;
    private readonly ulong firstWordOffsetMax;

    /// <summary>Reserves the banks. No byte is touched.</summary>
    /// <param name="banks">Where RAM is: ascending, not overlapping, at least one.</param>
    /// <exception cref="ArgumentException">The banks are empty, misaligned, overlapping, not ascending, or span more than <see cref="SpanBytesMax"/>.</exception>
    /// <exception cref="InsufficientMemoryException">The host cannot reserve the address space.</exception>
    public PhysicalMemory(params ReadOnlySpan<MemoryBank> banks)
    {
        Check(banks);
        this.banks = banks.ToArray();
        Start = banks[0].Start;
        End = banks[^1].End;
        firstStart = Start.Value;
        firstLengthBytes = banks[0].LengthBytes;
        firstWordOffsetMax = firstLengthBytes - sizeof(ulong);
        host = new HostMemory(End - Start);
        Bias = host.Start - Start.Value;
        foreach (MemoryBank bank in banks)
        {
            host.Commit(bank.Start - Start, bank.LengthBytes);
            LengthBytes += bank.LengthBytes;
        }
    }

    /// <summary>The first byte of the first bank.</summary>
    public PhysAddr Start { get; }

    /// <summary>The first byte after the last bank.</summary>
    public PhysAddr End { get; }

    /// <summary>RAM in bytes: the sum of the banks, holes not counted.</summary>
    public ulong LengthBytes { get; }

    /// <summary>The banks, ascending.</summary>
    public ReadOnlySpan<MemoryBank> Banks => banks;

    /// <summary>The host address that physical address 0 would have. Only for types that have checked their addresses.</summary>
    internal byte* Bias { get; }

    /// <summary>Whether the whole range is RAM of one bank.</summary>
    /// <param name="address">First byte.</param>
    /// <param name="lengthBytes">Length in bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool Contains(PhysAddr address, ulong lengthBytes)
    {
        ulong offset = unchecked(address.Value - firstStart);
        return offset <= firstLengthBytes && lengthBytes <= firstLengthBytes - offset
            ? true
            : banks.Length > 1 && ContainsInLaterBank(address, lengthBytes);
    }

    /// <summary>The bytes of a range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The range is not RAM of one bank.</exception>
    public Span<byte> GetSpan(PhysAddr address, int lengthBytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(lengthBytes);
        Require(address, (ulong)lengthBytes);

        // SAFETY: Require checked that the whole range is committed memory of one bank.
        return new Span<byte>(Bias + address.Value, lengthBytes);
    }

    /// <summary>Fills frames with zeroes (<c>clear_page</c>, <c>clear_huge_page</c>): a few in the host's caches, many past them.</summary>
    /// <param name="first">The first frame.</param>
    /// <param name="count">How many follow each other.</param>
    /// <exception cref="ArgumentOutOfRangeException">The range is not RAM of one bank.</exception>
    public void ClearFrames(Pfn first, uint count)
    {
        ulong lengthBytes = (ulong)count * Pfn.PageSizeBytes;
        Require(first.Address, lengthBytes);

        // SAFETY: Require checked the whole range; frames are aligned to more than a vector.
        byte* start = Bias + first.Address.Value;
        if (!Sse.IsSupported)
        {
            NativeMemory.Clear(start, (nuint)lengthBytes);
            return;
        }

        if (count <= CachedClearFramesMax)
        {
            for (byte* at = start; at < start + lengthBytes; at += 4 * Vector256<byte>.Count)
            {
                Vector256.Store(Vector256<byte>.Zero, at);
                Vector256.Store(Vector256<byte>.Zero, at + Vector256<byte>.Count);
                Vector256.Store(Vector256<byte>.Zero, at + (2 * Vector256<byte>.Count));
                Vector256.Store(Vector256<byte>.Zero, at + (3 * Vector256<byte>.Count));
            }

            return;
        }

        for (byte* at = start; at < start + lengthBytes; at += 4 * Vector256<byte>.Count)
        {
            Vector256.StoreAlignedNonTemporal(Vector256<byte>.Zero, at);
            Vector256.StoreAlignedNonTemporal(Vector256<byte>.Zero, at + Vector256<byte>.Count);
            Vector256.StoreAlignedNonTemporal(Vector256<byte>.Zero, at + (2 * Vector256<byte>.Count));
            Vector256.StoreAlignedNonTemporal(Vector256<byte>.Zero, at + (3 * Vector256<byte>.Count));
        }

        // Streaming stores are ordered by this alone: whoever sees the frame mapped sees zeroes.
        Sse.StoreFence();
    }

    /// <summary>Copies one frame's bytes to another (<c>copy_page</c>).</summary>
    /// <exception cref="ArgumentOutOfRangeException">A frame is not RAM.</exception>
    public void CopyFrame(Pfn from, Pfn to)
    {
        Require(from.Address, Pfn.PageSizeBytes);
        Require(to.Address, Pfn.PageSizeBytes);

        // SAFETY: Require checked both frames; they are aligned to more than a vector. One is read and written whole even where it is both.
        byte* source = Bias + from.Address.Value;
        byte* target = Bias + to.Address.Value;
        for (int at = 0; at < Pfn.PageSizeBytes; at += 4 * Vector256<byte>.Count)
        {
            Vector256<byte> first = Vector256.Load(source + at);
            Vector256<byte> second = Vector256.Load(source + at + Vector256<byte>.Count);
            Vector256<byte> third = Vector256.Load(source + at + (2 * Vector256<byte>.Count));
            Vector256<byte> fourth = Vector256.Load(source + at + (3 * Vector256<byte>.Count));
            first.Store(target + at);
            second.Store(target + at + Vector256<byte>.Count);
            third.Store(target + at + (2 * Vector256<byte>.Count));
            fourth.Store(target + at + (3 * Vector256<byte>.Count));
        }
    }

    /// <summary>Begins to fetch a frame's first bytes into the host's second-level cache: nothing else depends on it, and any frame number will do.</summary>
    internal void PrefetchFrame(Pfn pfn, int lengthBytes)
    {
        if (Sse.IsSupported && Contains(pfn.Address, Pfn.PageSizeBytes))
        {
            // SAFETY: the frame is RAM; and a prefetch faults nowhere.
            byte* start = Bias + pfn.Address.Value;
            for (int at = 0; at < lengthBytes; at += HostCacheLineBytes)
            {
                Sse.Prefetch1(start + at);
            }
        }
    }

    /// <summary>The bytes of one frame.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The frame is not RAM.</exception>
    public Span<byte> GetFrame(Pfn pfn) => GetSpan(pfn.Address, Pfn.PageSizeBytes);

    /// <summary>A structure in RAM, at its natural place.</summary>
    /// <typeparam name="T">An unmanaged type.</typeparam>
    /// <exception cref="ArgumentOutOfRangeException">The structure would not lie in RAM of one bank.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref T GetRef<T>(PhysAddr address)
        where T : unmanaged
    {
        // A bank is at least a frame, so for what is no larger one compare is enough. The rest is not inlined: it would take registers here.
        ulong offset = unchecked(address.Value - firstStart);
        if (sizeof(T) <= sizeof(ulong) ? offset > firstWordOffsetMax : sizeof(T) > Pfn.PageSizeBytes || offset > firstLengthBytes - (ulong)sizeof(T))
        {
            RequireFar(address, (ulong)sizeof(T));
        }

        // SAFETY: the compare or RequireFar checked that all bytes of T are committed memory of one bank.
        return ref Unsafe.AsRef<T>(Bias + address.Value);
    }

    /// <summary>Reads a structure if its address is RAM.</summary>
    /// <returns>False, with a zero <paramref name="value"/>, where the address is not RAM of one bank.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryRead<T>(PhysAddr address, out T value)
        where T : unmanaged
    {
        if (!Contains(address, (ulong)sizeof(T)))
        {
            value = default;
            return false;
        }

        // SAFETY: Contains checked that all bytes of T are committed memory of one bank.
        value = Unsafe.ReadUnaligned<T>(Bias + address.Value);
        return true;
    }

    /// <summary>Writes a structure if its address is RAM.</summary>
    /// <returns>False, with nothing written, where the address is not RAM of one bank.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryWrite<T>(PhysAddr address, T value)
        where T : unmanaged
    {
        if (!Contains(address, (ulong)sizeof(T)))
        {
            return false;
        }

        // SAFETY: Contains checked that all bytes of T are committed memory of one bank.
        Unsafe.WriteUnaligned(Bias + address.Value, value);
        return true;
    }

    /// <summary>Writes one zero byte a host page into all banks, so that the host gives real memory to them before a measurement begins.</summary>
    public void Warm()
    {
        foreach (MemoryBank bank in banks)
        {
            NativeMemory.Clear(Bias + bank.Start.Value, (nuint)bank.LengthBytes);
        }
    }

    /// <summary>Gives the memory back to the host. References into it must not be used any more.</summary>
    public void Dispose() => host.Dispose();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Require(PhysAddr address, ulong lengthBytes)
    {
        if (!Contains(address, lengthBytes))
        {
            ThrowOutside(address, lengthBytes);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RequireFar(PhysAddr address, ulong lengthBytes) => Require(address, lengthBytes);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ContainsInLaterBank(PhysAddr address, ulong lengthBytes)
    {
        foreach (MemoryBank bank in banks)
        {
            ulong offset = unchecked(address.Value - bank.Start.Value);
            if (offset <= bank.LengthBytes && lengthBytes <= bank.LengthBytes - offset)
            {
                return true;
            }
        }

        return false;
    }

    private static void Check(ReadOnlySpan<MemoryBank> banks)
    {
        if (banks.IsEmpty)
        {
            throw new ArgumentException("a machine needs at least one memory bank", nameof(banks));
        }

        ulong end = 0;
        foreach (MemoryBank bank in banks)
        {
            if (bank.LengthBytes == 0 || bank.LengthBytes % Pfn.PageSizeBytes != 0 || bank.Start.Value % BankAlignmentBytes != 0)
            {
                throw new ArgumentException($"bank {bank} is empty or misaligned (expected a start at 2 MiB and a length in frames of 4096 bytes)", nameof(banks));
            }

            if (bank.Start.Value < end || bank.LengthBytes > SpanBytesMax || bank.Start.Value > SpanBytesMax - bank.LengthBytes)
            {
                throw new ArgumentException($"bank {bank} overlaps the one before it, or lies above {SpanBytesMax:x}", nameof(banks));
            }

            end = bank.End.Value;
        }
    }

    [System.Diagnostics.CodeAnalysis.DoesNotReturn]
    private static void ThrowOutside(PhysAddr address, ulong lengthBytes) =>
        throw new ArgumentOutOfRangeException(nameof(address), address, $"{lengthBytes} bytes there are not all RAM");
}
