using System.Buffers.Binary;
using System.IO.Hashing;
using Mmsim.Cli;
using ZstdSharp;

namespace Mmsim.Traces.Binary;

/// <summary>Reads the sections of a binary trace one after the other.</summary>
internal sealed class BinarySectionReader : IDisposable
{
    private readonly InputFile input;
    private readonly XxHash3 hashes = new();

    /// <summary>Begins to read, and checks the magic.</summary>
    /// <param name="input">An opened file; disposed by this reader.</param>
    /// <exception cref="InputException">It is of another version.</exception>
    public BinarySectionReader(InputFile input)
    {
        this.input = input;
        Span<byte> magic = stackalloc byte[BinaryTraceFormat.MagicBytes];
        if (input.ReadFully(magic) < magic.Length)
        {
            throw BinaryTraceFormat.CutOff(input.Name);
        }

        if (magic[^1] != BinaryTraceFormat.Version)
        {
            throw new InputException(input.Name, null, $"a binary trace of version {magic[^1]}", $"version {BinaryTraceFormat.Version}");
        }
    }

    /// <summary>The file's name, for messages.</summary>
    public string Name => input.Name;

    /// <summary>Whether a file begins as a binary trace does.</summary>
    public static bool IsBinary(InputFile input) => input.Head.StartsWith(BinaryTraceFormat.Magic);

    /// <summary>Reads a section as it is stored, without looking at its hash.</summary>
    /// <param name="destination">Head and content go here.</param>
    public BinarySection Read(Span<byte> destination)
    {
        if (input.ReadFully(destination[..BinaryTraceFormat.SectionHeadBytes]) < BinaryTraceFormat.SectionHeadBytes)
        {
            throw BinaryTraceFormat.CutOff(Name);
        }

        BinarySection section = BinaryTraceFormat.ReadHead(destination, Name);
        if (section.StoredBytes > destination.Length - BinaryTraceFormat.SectionHeadBytes)
        {
            // The caller has room for what may stand here.
            throw BinaryTraceFormat.Damaged(Name, "sections are missing or in the wrong order");
        }

        Span<byte> stored = destination.Slice(BinaryTraceFormat.SectionHeadBytes, (int)section.StoredBytes);
        if (input.ReadFully(stored) < stored.Length)
        {
            throw BinaryTraceFormat.CutOff(Name);
        }

        if (section.Tag != BinarySectionTag.End)
        {
            hashes.Append(destination[..sizeof(ulong)]);
        }

        return section;
    }

    /// <summary>Checks a section's hash and decompresses it.</summary>
    /// <param name="section">Its head.</param>
    /// <param name="stored">Head and content.</param>
    /// <param name="decompressor">The calling thread's.</param>
    /// <param name="plain">At least as long as the head says.</param>
    /// <param name="file">The file's name, for messages.</param>
    public static void Unpack(BinarySection section, ReadOnlySpan<byte> stored, Decompressor decompressor, Span<byte> plain, string file)
    {
        if (!BinaryTraceFormat.IsIntact(stored[..(BinaryTraceFormat.SectionHeadBytes + (int)section.StoredBytes)], section.Hash))
        {
            throw BinaryTraceFormat.Damaged(file, "a checksum is wrong");
        }

        int length;
        try
        {
            length = decompressor.Unwrap(stored.Slice(BinaryTraceFormat.SectionHeadBytes, (int)section.StoredBytes), plain[..(int)section.PlainBytes]);
        }
        catch (ZstdException error)
        {
            throw BinaryTraceFormat.Damaged(file, error.Message);
        }

        if (length != section.PlainBytes)
        {
            throw BinaryTraceFormat.Damaged(file, "a section has another length than it says");
        }
    }

    /// <summary>Checks the last section against all before it, and that nothing follows.</summary>
    public void CheckEnd(ReadOnlySpan<byte> plain)
    {
        if (plain.Length != sizeof(ulong) || BinaryPrimitives.ReadUInt64LittleEndian(plain) != hashes.GetCurrentHashAsUInt64())
        {
            throw BinaryTraceFormat.Damaged(Name, "sections are missing or in the wrong order");
        }

        if (input.ReadFully(stackalloc byte[1]) != 0)
        {
            throw BinaryTraceFormat.Damaged(Name, "there is more behind its end");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => input.Dispose();
}
