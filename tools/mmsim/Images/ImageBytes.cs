namespace Mmsim.Images;

/// <summary>The bytes of an image file, reached by offset.</summary>
internal abstract class ImageBytes : IDisposable
{
    /// <summary>Length in bytes.</summary>
    public abstract long LengthBytes { get; }

    /// <summary>Reads eight bytes, little-endian.</summary>
    /// <param name="offset">From the file's start; with the eight bytes inside it.</param>
    public abstract ulong ReadUInt64(long offset);

    /// <summary>Reads four bytes, little-endian; inside the file.</summary>
    public uint ReadUInt32(long offset) => (offset & 4) == 0 && offset + 8 <= LengthBytes
        ? unchecked((uint)ReadUInt64(offset))
        : (uint)(ReadUInt64(offset - 4) >> 32);

    /// <summary>Reads two bytes, little-endian; inside the file.</summary>
    public ushort ReadUInt16(long offset) => unchecked((ushort)(ReadUInt64(offset & ~7L) >> ((int)(offset & 6) * 8)));

    /// <inheritdoc/>
    public abstract void Dispose();
}
