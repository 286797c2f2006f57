using System.Runtime.InteropServices;
using Engine.Arm64.Translation;

namespace Mmsim.Traces;

/// <summary>The layout of <see cref="Access"/> as the trace code writes it: address &lt;&lt; 12 | size &lt;&lt; 2 | kind. A test holds the two together.</summary>
internal static class AccessWord
{
    public const int SizeShift = 2;
    public const int AddressShift = 12;
    public const int PageShift = 12;

    /// <summary>From the word to the 4 KiB page of its first byte, in the 40 bits that remain of it.</summary>
    public const int WordPageShift = AddressShift + PageShift;

    public const ulong KindMask = 3;
    public const ulong SizeMask = (1UL << (AddressShift - SizeShift)) - 1;

    /// <summary>Packs an access whose address is known to be canonical.</summary>
    public static ulong Pack(ulong address, uint sizeBytes, uint kind) => unchecked((address << AddressShift) | (sizeBytes << SizeShift) | kind);

    /// <summary>The address, sign-extended from 52 bits.</summary>
    public static ulong AddressOf(ulong word) => unchecked((ulong)((long)word >> AddressShift));

    /// <summary>The words as accesses.</summary>
    public static ReadOnlySpan<Access> AsAccesses(ReadOnlySpan<ulong> words) => MemoryMarshal.Cast<ulong, Access>(words);

    /// <summary>The accesses as words.</summary>
    public static ReadOnlySpan<ulong> AsWords(ReadOnlySpan<Access> accesses) => MemoryMarshal.Cast<Access, ulong>(accesses);
}
