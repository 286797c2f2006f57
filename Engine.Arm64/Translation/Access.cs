// One memory access in one word, so that a batch of accesses is a plain array:
//
//   63                                  12 11        2 1   0
//  +--------------------------------------+-----------+-----+
//  | address, bits 51:0 (52 bits, signed) | sizeBytes | kind|
//  +--------------------------------------+-----------+-----+
//
// An address is kept in 52 bits and sign-extended, which holds both halves of a 48-bit or 52-bit address space.

using System.Runtime.CompilerServices;
using Engine.Arm64.Units;

namespace Engine.Arm64.Translation;

/// <summary>One memory access: address, size and kind, packed in 64 bits.</summary>
public readonly record struct Access
{
    internal const int KindBits = 2;
    internal const int SizeBits = 10;
    internal const int AddressShift = KindBits + SizeBits;
    internal const ulong KindMask = (1UL << KindBits) - 1;

    /// <summary>The largest size in bytes that the word can hold.</summary>
    public const int SizeBytesMax = (1 << SizeBits) - 1;

    internal readonly ulong Word;

    internal Access(ulong word) => Word = word;

    /// <summary>Packs an access.</summary>
    /// <param name="address">Address of the first byte; bits 63:52 must equal bit 51.</param>
    /// <param name="sizeBytes">0..1023.</param>
    /// <param name="kind">What the access does.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public Access(VirtAddr address, int sizeBytes, AccessKind kind) =>
        Word = (address.Value << AddressShift) | (((ulong)(uint)sizeBytes & SizeBytesMax) << KindBits) | (ulong)kind;

    /// <summary>Address of the first byte.</summary>
    public VirtAddr Address => new(unchecked((ulong)((long)Word >> AddressShift)));

    /// <summary>Bytes accessed, as the program said; the access counts for the page of its first byte.</summary>
    public int SizeBytes => (int)((Word >> KindBits) & SizeBytesMax);

    /// <summary>What the access does.</summary>
    public AccessKind Kind => (AccessKind)(Word & KindMask);

    /// <summary>Kind, address and size.</summary>
    public override string ToString() => $"{Kind} {Address},{SizeBytes}";
}
