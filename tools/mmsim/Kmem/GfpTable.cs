using System.IO.Hashing;
using System.Text;
using Engine.Core.Diagnostics.Procfs;
using Engine.Core.Units;

namespace Mmsim.Kmem;

/// <summary>The distinct texts of allocation flags in a trace, numbered in the order of their first appearance.</summary>
internal sealed class GfpTable
{
    // A trace has some dozens of texts; the slots are found by the text's hash and compared in full.
    private const int SlotCount = 4096;
    private const int TextsMax = SlotCount / 2;

    private readonly int[] slots = new int[SlotCount];
    private readonly List<byte[]> texts = [];
    private readonly List<GfpFlags> flags = [];
    private int last;

    /// <summary>How many texts there are.</summary>
    public int Count => texts.Count;

    /// <summary>The flags that a text stands for.</summary>
    public GfpFlags GetFlags(int index) => flags[index];

    /// <summary>The text as the trace has it.</summary>
    public string GetText(int index) => Encoding.ASCII.GetString(texts[index]);

    /// <summary>Compares a text with the one found last, which most allocations repeat.</summary>
    public bool TryFindLast(ReadOnlySpan<byte> text, out int index)
    {
        index = last;
        return index < texts.Count && text.SequenceEqual(texts[index]);
    }

    /// <summary>Finds or adds a text.</summary>
    /// <param name="text">What stands behind <c>gfp_flags=</c>.</param>
    /// <param name="index">Its number.</param>
    /// <param name="wrong">What is wrong with it, where it is not a list of flags.</param>
    public bool TryAdd(ReadOnlySpan<byte> text, out int index, out string? wrong)
    {
        wrong = null;
        int slot = (int)(XxHash3.HashToUInt64(text) & (SlotCount - 1));
        while (slots[slot] != 0)
        {
            index = slots[slot] - 1;
            if (text.SequenceEqual(texts[index]))
            {
                last = index;
                return true;
            }

            slot = (slot + 1) & (SlotCount - 1);
        }

        index = texts.Count;
        if (!GfpText.TryParse(Encoding.Latin1.GetString(text), out GfpFlags parsed, out wrong))
        {
            return false;
        }

        if (texts.Count == TextsMax)
        {
            wrong = $"more than {TextsMax} different texts";
            return false;
        }

        texts.Add(text.ToArray());
        flags.Add(parsed);
        slots[slot] = index + 1;
        return true;
    }
}
