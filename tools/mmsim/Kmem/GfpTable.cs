using System.IO.Hashing;
using System.Text;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;
using Engine.Core.Zones;

namespace Mmsim.Kmem;

/// <summary>The distinct texts of allocation flags in a trace, numbered in the order of their first appearance.</summary>
internal sealed class GfpTable
{
    // A trace has some dozens of texts; the slots are found by the text's hash and compared in full.
    private const int SlotCount = 4096;
    private const int TextsMax = SlotCount / 2;

    private readonly int[] slots = new int[SlotCount];

    // Each with the line's break that follows it, so that a comparison finds the end as well.
    private readonly List<byte[]> lines = [];
    private readonly List<GfpFlags> flags = [];
    private byte[] lastLine = [(byte)'\n'];
    private int last = -1;

    /// <summary>How many texts there are.</summary>
    public int Count => lines.Count;

    /// <summary>The flags that a text stands for.</summary>
    public GfpFlags GetFlags(int index) => flags[index];

    /// <summary>The text as the trace has it.</summary>
    public string GetText(int index) => Encoding.ASCII.GetString(lines[index].AsSpan(..^1));

    /// <summary>Compares what a text begins with, up to a line's break, with the flags found last, which most allocations repeat.</summary>
    /// <param name="text">The flags, a line's break, and what follows.</param>
    /// <param name="index">Their number.</param>
    /// <param name="length">Bytes before the break.</param>
    public bool TryFindLast(ReadOnlySpan<byte> text, out int index, out int length)
    {
        index = last;
        length = lastLine.Length - 1;
        return last >= 0 && text.StartsWith(lastLine);
    }

    /// <summary>Finds or adds a text.</summary>
    /// <param name="text">What stands behind <c>gfp_flags=</c>.</param>
    /// <param name="index">Its number.</param>
    /// <param name="wrong">What is wrong with it, where an allocation cannot have such flags.</param>
    public bool TryAdd(ReadOnlySpan<byte> text, out int index, out string? wrong)
    {
        wrong = null;
        int slot = (int)(XxHash3.HashToUInt64(text) & (SlotCount - 1));
        while (slots[slot] != 0)
        {
            index = slots[slot] - 1;
            if (text.SequenceEqual(lines[index].AsSpan(..^1)))
            {
                Keep(index);
                return true;
            }

            slot = (slot + 1) & (SlotCount - 1);
        }

        index = lines.Count;
        string shown = Encoding.Latin1.GetString(text);
        bool areFlags = GfpText.TryParse(shown, out GfpFlags parsed, out string? part);
        const GfpFlags BothTypes = GfpFlags.Movable | GfpFlags.Reclaimable;
        wrong = !areFlags ? $"'{part}' is no allocation flag"
            : !ZoneTypes.TryFromGfp(parsed, out _) || (parsed & BothTypes) == BothTypes ? $"'{shown}' asks for two zones or two migrate types at once"
            : lines.Count == TextsMax ? $"there are more than {TextsMax} different texts of allocation flags"
            : null;
        if (wrong is not null)
        {
            return false;
        }

        lines.Add([.. text, (byte)'\n']);
        flags.Add(parsed);
        slots[slot] = index + 1;
        Keep(index);
        return true;
    }

    private void Keep(int index)
    {
        last = index;
        lastLine = lines[index];
    }
}
