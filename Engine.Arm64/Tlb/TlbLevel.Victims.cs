// Where the next level is a mostly exclusive one, what gives way in this one moves there.

using System.Runtime.CompilerServices;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private TlbEntry victim;

    /// <summary>Whether the level is filled by what gives way in the level in front.</summary>
    public bool IsExclusive => Geometry.Fill == FillPolicy.MostlyExclusive;

    /// <summary>Whether some level after this one wants what gives way here.</summary>
    public bool KeepsVictims { get; set; }

    /// <summary>What the last insertion took the place of, where <see cref="KeepsVictims"/>; it may be unused.</summary>
    public ref readonly TlbEntry Victim => ref victim;

    /// <summary>Takes in what gave way in the level in front. An entry that is here already counts as used.</summary>
    /// <returns>False where nothing came in, so nothing gave way.</returns>
    public bool TakeIn(in TlbEntry entry)
    {
        int aggregationLog2 = entry.IsContiguous ? 0 : Math.Max(entry.SizeLog2 - entry.PageSizeLog2, 0);
        if (!entry.IsUsed || SizeFor(entry.Meta, aggregationLog2, entry.SizeLog2) != entry.SizeLog2)
        {
            return false;
        }

        TlbEntry* same = FindSame(entry);
        if (same != null)
        {
            Touch(same);
            return false;
        }

        TlbEntry own = entry;
        own.Tag = entry.Start | (isFull && !entry.Serves(currentAsid, currentVmid) ? TlbEntry.UnusedTag : 0);
        Insert(&own);
        return true;
    }

    // An entry for the same addresses in the same address space, which need not be the current one.
    private TlbEntry* FindSame(in TlbEntry wanted)
    {
        uint first = isFull ? 0 : SetOf(wanted.Start, wanted.SizeLog2) * (uint)ways;
        for (uint slot = first; slot < first + (uint)ways; slot++)
        {
            TlbEntry* entry = entries + slot;
            if (entry->IsUsed && entry->Start == wanted.Start && entry->Mask == wanted.Mask && entry->Vmid == wanted.Vmid
                && entry->IsGlobal == wanted.IsGlobal && (entry->IsGlobal || entry->Asid == wanted.Asid))
            {
                return entry;
            }
        }

        return null;
    }

    // What takes a slot gives its owner what was there.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void KeepVictim(TlbEntry* entry)
    {
        if (KeepsVictims)
        {
            victim = *entry;
        }
    }
}
