using Engine.Arm64.Processes;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64.Kernel.Access;

/// <content>Strings of a process (lib/strncpy_from_user.c, lib/strnlen_user.c).</content>
public sealed partial class UserCopy
{
    /// <summary>Copies a string that ends with a zero byte (<c>strncpy_from_user</c>).</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="to">Where to; what lies behind the string stays as it is.</param>
    /// <param name="from">A user address.</param>
    /// <returns>The string's length without its zero; the length of <paramref name="to"/> where no zero was found in so many bytes; EFAULT.</returns>
    public SyscallResult StrncpyFromUser(Cpu cpu, Span<byte> to, VirtAddr from)
    {
        int done = 0;
        while (done < to.Length)
        {
            if (!TryOpen(cpu, from, done, to.Length - done, out ReadOnlySpan<byte> part))
            {
                return Errno.EFAULT;
            }

            int end = part.IndexOf((byte)0);
            part[..(end < 0 ? part.Length : end + 1)].CopyTo(to[done..]);
            if (end >= 0)
            {
                return SyscallResult.FromValue((ulong)(done + end));
            }

            done += part.Length;
        }

        return SyscallResult.FromValue((ulong)done);
    }

    /// <summary>Measures a string (<c>strnlen_user</c>).</summary>
    /// <param name="cpu">The CPU whose process it is.</param>
    /// <param name="from">A user address.</param>
    /// <param name="most">How many bytes to look at.</param>
    /// <returns>The length with its zero; more than <paramref name="most"/> where none was found; 0 where the string cannot be read.</returns>
    public long StrnlenUser(Cpu cpu, VirtAddr from, int most)
    {
        int done = 0;
        while (done < most)
        {
            if (!TryOpen(cpu, from, done, most - done, out ReadOnlySpan<byte> part))
            {
                return 0;
            }

            int end = part.IndexOf((byte)0);
            if (end >= 0)
            {
                return done + end + 1;
            }

            done += part.Length;
        }

        return most + 1L;
    }

    // The bytes of a string up to the end of a page.
    private bool TryOpen(Cpu cpu, VirtAddr from, int offset, int most, out ReadOnlySpan<byte> part)
    {
        VirtAddr address = Untag(from) + (ulong)offset;
        int count = Math.Min(most, PageBytes - (int)(address.Value & (PageBytes - 1)));
        part = default;
        if (!IsUserRange(address, 1) || !TryTranslate(cpu, address, AccessKind.Load, out PhysAddr physical) || !memory.Contains(physical, (ulong)count))
        {
            return false;
        }

        part = memory.GetSpan(physical, count);
        return true;
    }
}
