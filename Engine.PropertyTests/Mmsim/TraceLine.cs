using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>One line of a made-up lackey log, perhaps with one character changed.</summary>
internal sealed record TraceLine(string Text)
{
    private const string Replacements = "0123456789abcdefABCDEFgGxyz,:;@`/ ILSM\t\r-=*>()[]~\0";

    /// <summary>The line as bytes, without its end.</summary>
    public byte[] Bytes => Encoding.Latin1.GetBytes(Text);

    /// <summary>Records of all shapes and the other lines of a log, all right.</summary>
    public static Gen<TraceLine> Valid => Gen.Frequency((20, Record), (1, Other)).Select(text => new TraceLine(text));

    /// <summary>As <see cref="Valid"/>, but some have a character replaced, inserted or left out, or end with a zero.</summary>
    public static Gen<TraceLine> Mutated =>
        from line in Valid
        from isMutated in Gen.Choose(0, 3)
        from at in Gen.Choose(0, 19)
        from replacement in Gen.Elements(Replacements.ToCharArray())
        from how in Gen.Choose(0, 3)
        select isMutated == 0 ? new TraceLine(Mutate(line.Text, at % (line.Text.Length + 1), replacement, how)) : line;

    /// <summary>All lines of a log as text.</summary>
    public static byte[] Join(IEnumerable<TraceLine> lines) => [.. lines.SelectMany(line => (IEnumerable<byte>)[.. line.Bytes, (byte)'\n'])];

    private static Gen<string> Record =>
        from kind in Gen.Elements("I  ", " L ", " S ", " M ")
        from bits in Gen.Choose(1, 47)
        from high in Gen.Choose(int.MinValue, int.MaxValue)
        from low in Gen.Choose(int.MinValue, int.MaxValue)
        from upper in Gen.Choose(0, 9)
        from width in Gen.Elements(8, 8, 8, 10, 10, 1, 9, 12, 16)
        from size in Gen.Frequency((12, Gen.Choose(1, 9)), (3, Gen.Choose(10, 64)), (1, Gen.Choose(65, 1023)))
        select Format(kind, ((((ulong)(uint)high << 32) | (uint)low) >> (64 - bits)) | (upper == 0 ? 0xffff_0000_0000_0000UL : 0), width, size);

    private static Gen<string> Other => Gen.Elements(
        "==26158== Command: /usr/bin/sqlite3",
        "==26158== ",
        "--123-- warning",
        "SYSCALL[26158,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000) ",
        "SYSCALL[26158,1](257) sys_openat ( 4294967196, 0x4034bb0(/usr/lib/x.so), 524288 ) --> [async] ... ",
        "SYSCALL[26158,1](257) ... [async] --> Success(0x4) ",
        "SYSCALL[26158,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)",
        " --> [pre-fail] Failure(0x26) ");

    private static string Format(string kind, ulong address, int width, int size) =>
        kind + address.ToString("x", CultureInfo.InvariantCulture).PadLeft(width, '0') + "," + size.ToString(CultureInfo.InvariantCulture);

    private static string Mutate(string text, int at, char replacement, int how) => how switch
    {
        0 when at < text.Length => text[..at] + replacement + text[(at + 1)..],
        1 when at < text.Length => text[..at] + text[(at + 1)..],
        2 => text[..at] + replacement + text[at..],
        _ => text[..(text.IndexOf(',', StringComparison.Ordinal) + 1)] + "0",
    };
}
