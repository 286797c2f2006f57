using System.Text;
using Xunit;

namespace Engine.PropertyTests.Exec;

/// <summary>A test that lays out a program of this machine; skipped, with the reason, where there is none of the kind.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class HostProgramFactAttribute : FactAttribute
{
    public const string Program = "/bin/true";

    /// <summary>Marks a test.</summary>
    public HostProgramFactAttribute()
    {
        bool isUsable = File.Exists(Program) && File.ReadAllBytes(Program) is { Length: > 64 } content
            && content.AsSpan().StartsWith((ReadOnlySpan<byte>)[0x7f, (byte)'E', (byte)'L', (byte)'F', 2, 1])
            && InterpreterOf(content) is { Length: > 0 } linker && File.Exists(linker);
        if (!isUsable)
        {
            Skip = $"{Program} is no dynamic 64-bit ELF program here";
        }
    }

    /// <summary>The path in PT_INTERP; empty where there is none.</summary>
    public static string InterpreterOf(byte[] content)
    {
        foreach (int at in Headers(content))
        {
            if (BitConverter.ToUInt32(content, at) == 3)
            {
                return Encoding.UTF8.GetString(content, (int)BitConverter.ToUInt64(content, at + 8), (int)BitConverter.ToUInt64(content, at + 32) - 1);
            }
        }

        return "";
    }

    /// <summary>What PT_LOAD says.</summary>
    public static IEnumerable<(ulong Address, ulong FileBytes, ulong MemoryBytes, uint Flags)> SegmentsOf(byte[] content) =>
        Headers(content).Where(at => BitConverter.ToUInt32(content, at) == 1).Select(at =>
            (BitConverter.ToUInt64(content, at + 16), BitConverter.ToUInt64(content, at + 32), BitConverter.ToUInt64(content, at + 40), BitConverter.ToUInt32(content, at + 4)));

    private static IEnumerable<int> Headers(byte[] content) =>
        Enumerable.Range(0, BitConverter.ToUInt16(content, 56)).Select(i => (int)BitConverter.ToUInt64(content, 32) + (i * 56));
}
