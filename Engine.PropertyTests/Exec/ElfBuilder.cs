using System.Buffers.Binary;
using System.Text;

namespace Engine.PropertyTests.Exec;

/// <summary>Writes ELF files byte by byte, right or wrong.</summary>
internal sealed class ElfBuilder
{
    public const uint Load = 1;
    public const uint Interp = 3;
    public const uint Stack = 0x6474e551;

    private readonly List<(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes, ulong Alignment)> segments = [];

    public ushort Type { get; set; } = 3;

    public ushort Machine { get; set; } = 183;

    public ulong Entry { get; set; } = 0x1000;

    public int LengthBytes { get; set; } = 0x8000;

    public string? Interpreter { get; set; }

    /// <summary>Flags: 4 read, 2 write, 1 execute.</summary>
    public ElfBuilder Add(uint type, uint flags, ulong offset, ulong address, ulong fileBytes, ulong memoryBytes, ulong alignment = 0x10000)
    {
        segments.Add((type, flags, offset, address, fileBytes, memoryBytes, alignment));
        return this;
    }

    /// <summary>Text, read-only data, data with bss; a program of four segments as linkers make it.</summary>
    public static ElfBuilder Usual(string? interpreter = "/lib/ld-linux-aarch64.so.1") =>
        new ElfBuilder { Interpreter = interpreter }
            .Add(Load, 5, 0, 0, 0x1234, 0x1234)
            .Add(Load, 4, 0x2000, 0x12000, 0x800, 0x800)
            .Add(Load, 6, 0x3a00, 0x23a00, 0x700, 0x4000)
            .Add(Stack, 6, 0, 0, 0, 0, 16);

    public byte[] Build()
    {
        byte[] file = new byte[LengthBytes];
        for (int i = 0x200; i < file.Length; i++)
        {
            file[i] = (byte)((i * 13) | 1);
        }

        List<(uint Type, uint Flags, ulong Offset, ulong Address, ulong FileBytes, ulong MemoryBytes, ulong Alignment)> all = [.. segments];
        if (Interpreter is not null)
        {
            byte[] path = [.. Encoding.UTF8.GetBytes(Interpreter), 0];
            path.CopyTo(file, 0x1f0 - path.Length);
            all.Insert(0, (Interp, 4, (ulong)(0x1f0 - path.Length), (ulong)(0x1f0 - path.Length), (ulong)path.Length, (ulong)path.Length, 1));
        }

        ((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1, 1]).CopyTo(file);
        Span<byte> header = file;
        BinaryPrimitives.WriteUInt16LittleEndian(header[16..], Type);
        BinaryPrimitives.WriteUInt16LittleEndian(header[18..], Machine);
        BinaryPrimitives.WriteUInt32LittleEndian(header[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], Entry);
        BinaryPrimitives.WriteUInt64LittleEndian(header[32..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(header[52..], 64);
        BinaryPrimitives.WriteUInt16LittleEndian(header[54..], 56);
        BinaryPrimitives.WriteUInt16LittleEndian(header[56..], (ushort)all.Count);
        for (int i = 0; i < all.Count; i++)
        {
            Span<byte> at = header[(64 + (i * 56))..];
            BinaryPrimitives.WriteUInt32LittleEndian(at, all[i].Type);
            BinaryPrimitives.WriteUInt32LittleEndian(at[4..], all[i].Flags);
            BinaryPrimitives.WriteUInt64LittleEndian(at[8..], all[i].Offset);
            BinaryPrimitives.WriteUInt64LittleEndian(at[16..], all[i].Address);
            BinaryPrimitives.WriteUInt64LittleEndian(at[24..], all[i].Address);
            BinaryPrimitives.WriteUInt64LittleEndian(at[32..], all[i].FileBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(at[40..], all[i].MemoryBytes);
            BinaryPrimitives.WriteUInt64LittleEndian(at[48..], all[i].Alignment);
        }

        return file;
    }
}
