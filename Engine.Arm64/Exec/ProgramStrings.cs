using System.Text;
using Engine.Arm64.Processes;
using Engine.Core.Units;

namespace Engine.Arm64.Exec;

/// <summary>
/// The strings at the top of a new stack, downwards: 8 bytes of nothing, the file's name, the environment, the arguments (<c>copy_strings</c>, fs/exec.c).
/// </summary>
internal sealed class ProgramStrings
{
    private const int StringBytesMax = 32 * Pfn.PageSizeBytes; // MAX_ARG_STRLEN
    private const ulong StackLimitDefault = 8UL << 20; // _STK_LIM
    private const ulong ArgumentBytesMin = 32 * Pfn.PageSizeBytes; // ARG_MAX

    private ProgramStrings(byte[] bytes, int fileNameBytes, int argumentCount, int environmentCount)
    {
        Bytes = bytes;
        FileNameBytes = fileNameBytes;
        ArgumentCount = argumentCount;
        EnvironmentCount = environmentCount;
    }

    /// <summary>Arguments, environment, name, each ended by a zero.</summary>
    public byte[] Bytes { get; }

    public int FileNameBytes { get; }

    public int ArgumentCount { get; }

    public int EnvironmentCount { get; }

    /// <summary>Puts the strings together.</summary>
    /// <param name="fileName">The program's name.</param>
    /// <param name="options">With arguments and environment.</param>
    /// <param name="stackLimitBytes">RLIMIT_STACK: a quarter of it is for strings and the pointers to them (<c>bprm_stack_limits</c>).</param>
    /// <param name="strings">The strings.</param>
    /// <returns>E2BIG where they are too long.</returns>
    public static Errno Make(string fileName, ExecOptions options, ulong stackLimitBytes, out ProgramStrings? strings)
    {
        strings = null;
        IReadOnlyList<string> arguments = options.Arguments.Count == 0 ? [""] : options.Arguments;
        ulong limit = Math.Max(Math.Min(StackLimitDefault / 4 * 3, stackLimitBytes / 4), ArgumentBytesMin);
        ulong pointerBytes = (ulong)(arguments.Count + options.Environment.Count) * sizeof(ulong);
        if (limit <= pointerBytes)
        {
            return Errno.E2BIG;
        }

        using MemoryStream bytes = new();
        foreach (string text in arguments.Concat(options.Environment))
        {
            if (!TryAppend(bytes, text))
            {
                return Errno.E2BIG;
            }
        }

        long stringBytes = bytes.Length;
        bool isFitting = TryAppend(bytes, fileName)
            && (ulong)bytes.Length <= limit - pointerBytes
            && (ulong)bytes.Length + sizeof(ulong) <= stackLimitBytes;
        if (!isFitting)
        {
            return Errno.E2BIG;
        }

        strings = new ProgramStrings(bytes.ToArray(), (int)(bytes.Length - stringBytes), arguments.Count, options.Environment.Count);
        return Errno.None;
    }

    // A string ends at its first zero, as in C.
    private static bool TryAppend(MemoryStream bytes, string text)
    {
        int end = text.IndexOf('\0', StringComparison.Ordinal);
        byte[] encoded = Encoding.UTF8.GetBytes(end < 0 ? text : text[..end]);
        bytes.Write(encoded);
        bytes.WriteByte(0);
        return encoded.Length < StringBytesMax;
    }
}
