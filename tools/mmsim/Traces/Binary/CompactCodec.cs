// Records in about two bytes each. A block is two planes: one control byte a record, then the payloads.
//
//   control byte    7       4 3      2 1   0
//                  +---------+--------+-----+
//                  | size    | length | kind|
//                  +---------+--------+-----+
//
//   kind    as in the packed access
//   length  how many bytes of payload: 0, 1, 2 or 4 (codes 0..3), little-endian, a signed difference from the predicted address
//   size    code of the access's size in bytes (SizeOfCode); 0 is an escape: kind and length are 0, and the payload is the
//           packed access itself, 8 bytes (an unusual size, or a difference that does not fit)
//
// The prediction: an instruction follows the one before it; a data access falls where the data access of the same instruction
// fell last time, remembered in a table of 1,024 addresses that is indexed by the address of the instruction (each further
// access of an instruction has its own entry). Differences are taken in the 52 bits of the packed address. The state starts
// from zero in each block, so any block can be decoded alone, and by any thread.

using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Mmsim.Traces.Binary;

/// <summary>Encodes and decodes blocks of records in the compact form. Keeps a table between calls only to not allocate it again.</summary>
internal sealed class CompactCodec
{
    /// <summary>The most bytes that a record can take.</summary>
    public const int RecordBytesMax = 1 + EscapeBytes;

    /// <summary>Bytes that must be readable past the end of what is decoded, and writable past the end of what is encoded.</summary>
    public const int SlackBytes = 8;

    private const int EscapeBytes = 8;
    private const int LengthShift = 2;
    private const int SizeCodeShift = 4;
    private const int SizeCodeMask = 15;
    private const int AddressPad = 64 - 52;
    private const int SlotCount = 1024;
    private const int NextSlot = 331;

    // Bytes of payload by control byte.
    private static readonly byte[] LengthOf = CreateLengths();
    private static readonly byte[] SizeOfCode = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 16, 32, 64];
    private static readonly byte[] CodeOfSize = CreateCodes();

    private readonly ulong[] slots = new ulong[SlotCount];

    /// <summary>Encodes records.</summary>
    /// <param name="words">Packed accesses.</param>
    /// <param name="destination">At least <see cref="RecordBytesMax"/> for each, and <see cref="SlackBytes"/>.</param>
    /// <returns>How many bytes were written.</returns>
    public int Encode(ReadOnlySpan<ulong> words, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(destination.Length, (words.Length * RecordBytesMax) + SlackBytes);
        Array.Clear(slots);
        ref ulong table = ref MemoryMarshal.GetArrayDataReference(slots);
        ref byte control = ref MemoryMarshal.GetReference(destination);
        ref byte payload = ref Unsafe.Add(ref control, words.Length);
        ref byte codes = ref MemoryMarshal.GetArrayDataReference(CodeOfSize);
        nint used = 0;
        ulong nextFetch = 0;
        nint slot = 0;
        for (int i = 0; i < words.Length; i++)
        {
            ulong word = words[i];
            ulong address = word >> AccessWord.AddressShift;
            ulong size = (word >> AccessWord.SizeShift) & AccessWord.SizeMask;
            ulong predicted;
            if ((word & AccessWord.KindMask) == 0)
            {
                predicted = nextFetch;
                nextFetch = address + size;
                slot = SlotOf(address);
            }
            else
            {
                // SAFETY: slot is always below SlotCount.
                ref ulong entry = ref Unsafe.Add(ref table, slot);
                predicted = entry;
                entry = address;
                slot = (slot + NextSlot) & (SlotCount - 1);
            }

            long difference = unchecked((long)((address - predicted) << AddressPad)) >> AddressPad;

            // SAFETY: SizeMask bounds size to CodeOfSize's length; destination has room for the longest form of each record.
            uint sizeCode = Unsafe.Add(ref codes, (nint)size);
            if (sizeCode == 0 || difference != unchecked((int)difference))
            {
                Unsafe.Add(ref control, i) = 0;
                Unsafe.WriteUnaligned(ref Unsafe.Add(ref payload, used), word);
                used += EscapeBytes;
                continue;
            }

            uint lengthCode = difference == 0 ? 0u : difference == unchecked((sbyte)difference) ? 1u : difference == unchecked((short)difference) ? 2u : 3u;
            Unsafe.Add(ref control, i) = (byte)((sizeCode << SizeCodeShift) | (lengthCode << LengthShift) | (uint)(word & AccessWord.KindMask));
            Unsafe.WriteUnaligned(ref Unsafe.Add(ref payload, used), (int)difference);
            used += (1 << (int)lengthCode) >> 1;
        }

        return words.Length + (int)used;
    }

    /// <summary>Decodes records.</summary>
    /// <param name="source">What <see cref="Encode"/> wrote, and <see cref="SlackBytes"/> of anything behind it.</param>
    /// <param name="words">One element for each record.</param>
    /// <returns>False if the bytes are not a block of so many records; <paramref name="words"/> is then garbage.</returns>
    public bool TryDecode(ReadOnlySpan<byte> source, Span<ulong> words)
    {
        int encodedBytes = source.Length - SlackBytes;
        if (encodedBytes < words.Length || PayloadBytes(source[..words.Length]) != encodedBytes - words.Length)
        {
            return false;
        }

        Array.Clear(slots);
        ref ulong table = ref MemoryMarshal.GetArrayDataReference(slots);
        ref byte control = ref MemoryMarshal.GetReference(source);
        ref byte payload = ref Unsafe.Add(ref control, words.Length);
        ref byte lengths = ref MemoryMarshal.GetArrayDataReference(LengthOf);
        ref byte sizes = ref MemoryMarshal.GetArrayDataReference(SizeOfCode);
        nint used = 0;
        ulong nextFetch = 0;
        nint slot = 0;
        long unsound = 0;
        for (int i = 0; i < words.Length; i++)
        {
            // SAFETY: the lengths of all control bytes were added up above, so every payload lies in source or its slack;
            // the tables have an element for every value of their index.
            nint code = Unsafe.Add(ref control, i);
            ulong raw = Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref payload, used));
            nint length = Unsafe.Add(ref lengths, code);
            used += length;
            ulong kind = (ulong)code & AccessWord.KindMask;
            ulong word;
            if (code <= SizeCodeMask)
            {
                word = raw;
                kind = word & AccessWord.KindMask;
            }
            else
            {
                // A shift by 64 is one by 0: two shifts make a payload of no bytes come out as 0.
                int keep = (int)(64 - (length * 8));
                ulong difference = unchecked((ulong)((long)(raw << (keep - 1) << 1) >> keep));
                ref ulong entry = ref Unsafe.Add(ref table, slot);
                ulong predicted = kind == 0 ? nextFetch : entry;
                word = unchecked(((predicted + difference) << AccessWord.AddressShift) | ((ulong)Unsafe.Add(ref sizes, code >> SizeCodeShift) << AccessWord.SizeShift) | kind);
            }

            // Bits 51 to 48 of the address must be equal: all bits of this are then.
            long high = unchecked((long)word) >> 60;
            unsound |= high ^ (high >> 63);
            words[i] = word;
            ulong address = word >> AccessWord.AddressShift;
            if (kind == 0)
            {
                nextFetch = address + ((word >> AccessWord.SizeShift) & AccessWord.SizeMask);
                slot = SlotOf(address);
            }
            else
            {
                Unsafe.Add(ref table, slot) = address;
                slot = (slot + NextSlot) & (SlotCount - 1);
            }
        }

        return unsound == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static nint SlotOf(ulong address) => (nint)((address ^ (address >> 10)) & (SlotCount - 1));

    private static long PayloadBytes(ReadOnlySpan<byte> control)
    {
        long total = 0;
        foreach (byte code in control)
        {
            total += LengthOf[code];
        }

        return total;
    }

    private static byte[] CreateLengths()
    {
        byte[] lengths = new byte[256];
        for (int code = 0; code < lengths.Length; code++)
        {
            lengths[code] = code >> SizeCodeShift == 0 ? (byte)EscapeBytes : (byte)((1 << ((code >> LengthShift) & 3)) >> 1);
        }

        return lengths;
    }

    private static byte[] CreateCodes()
    {
        byte[] codes = new byte[AccessWord.SizeMask + 1];
        for (int code = 1; code < SizeOfCode.Length; code++)
        {
            codes[SizeOfCode[code]] = (byte)code;
        }

        return codes;
    }
}
