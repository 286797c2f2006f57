// Taking entries out, and changing the address space.
//
// A fully associative level compares addresses only: at a change of ASID or VMID the entries that do not serve the new address
// space are made inactive (bit 0 of the tag), which costs one pass over a few dozen entries and nothing at each access.
// A level with sets compares the ASID in its lanes and the VMID in the entry.

using System.Numerics;
using System.Runtime.Intrinsics;

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private ushort currentAsid;
    private ushort currentVmid;

    // Whether there may be entries of another VMID: it was changed while the level had entries.
    private bool hasOtherVmids;

    /// <summary>Slots of this level; each may hold an entry.</summary>
    public int SlotCount => entryCount;

    /// <summary>The entry of a slot, used or not.</summary>
    /// <param name="slot">0 to <see cref="SlotCount"/> - 1.</param>
    public TlbEntry* this[int slot] => entries + slot;

    /// <summary>From here on lookups serve this address space.</summary>
    public void SwitchTo(ushort asid, ushort vmid)
    {
        if (asid == currentAsid && vmid == currentVmid)
        {
            return;
        }

        hasOtherVmids = presentSizes != 0 && (hasOtherVmids || vmid != currentVmid);
        currentAsid = asid;
        currentVmid = vmid;
        laneAsid = ((ulong)asid << LaneAsidShift) | LaneUsed;
        for (int slot = 0; isFull && slot < entryCount; slot++)
        {
            TlbEntry* entry = entries + slot;
            if (entry->IsUsed)
            {
                entry->Tag = entry->Start | (entry->Serves(asid, vmid) ? 0u : TlbEntry.UnusedTag);
            }
        }
    }

    /// <summary>Takes out what an invalidation covers.</summary>
    /// <returns>How many entries went.</returns>
    public int Invalidate(in TlbInvalidation what)
    {
        // A few pages are looked for by address; with pieces of larger mappings, of which all must go, or many pages, every entry is looked at.
        ulong pages = unchecked(((what.Last - what.First) >> 12) + 1);
        return presentSizes == 0 ? 0
            : pieceCount == 0 && !what.IsEveryAddress && pages * (uint)BitOperations.PopCount(presentSizes) * 8 < (uint)entryCount
            ? InvalidateByAddress(what)
            : InvalidateByScan(what);
    }

    private int InvalidateByScan(in TlbInvalidation what)
    {
        int removed = 0;
        for (int slot = 0; slot < entryCount; slot++)
        {
            if (entries[slot].IsUsed && what.Matches(entries[slot]))
            {
                Remove(slot);
                removed++;
            }
        }

        return removed;
    }

    private int InvalidateByAddress(in TlbInvalidation what)
    {
        int removed = 0;
        for (ulong present = presentSizes; present != 0; present &= present - 1)
        {
            int sizeLog2 = BitOperations.TrailingZeroCount(present);
            ulong address = what.First & (ulong.MaxValue << sizeLog2);
            ulong steps = (what.Last >> sizeLog2) - (what.First >> sizeLog2);
            for (ulong step = 0; step <= steps; step++, address = unchecked(address + (1UL << sizeLog2)))
            {
                removed += isFull ? RemoveHashed(address, sizeLog2, what) : RemoveInSet(address, sizeLog2, what);
            }
        }

        return removed;
    }

    private int RemoveHashed(ulong address, int sizeLog2, in TlbInvalidation what)
    {
        int removed = 0;
        uint slot = index[CellOf(address, sizeLog2)].First;
        while (slot != none)
        {
            uint following = links[slot].Next;
            TlbEntry* entry = Group!.Entries + slot;
            if (entry->Start == address && entry->SizeLog2 == sizeLog2 && what.Matches(*entry))
            {
                Remove((int)slot - FirstSlot);
                removed++;
            }

            slot = following;
        }

        return removed;
    }

    private int RemoveInSet(ulong address, int sizeLog2, in TlbInvalidation what)
    {
        // The lanes tell which ways hold the page; they have size and use too. Only those entries are looked at.
        int removed = 0;
        uint set = SetOf(address, sizeLog2);
        Vector256<ulong> page = Vector256.Create(LaneAddress(address, sizeLog2));
        ulong* lane = lanes + (set * laneStride);
        for (uint way = 0; way < laneStride; way += 4)
        {
            // SAFETY: laneStride is a multiple of four, and set is below the number of sets.
            Vector256<ulong> pages = Vector256.Load(lane + way) & Vector256.Create(LaneAddressMask);
            for (uint matches = Vector256.Equals(pages, page).ExtractMostSignificantBits(); matches != 0; matches &= matches - 1)
            {
                uint slot = (set * (uint)ways) + way + (uint)BitOperations.TrailingZeroCount(matches);
                if (entries[slot].Start == address && what.Matches(entries[slot]))
                {
                    Remove((int)slot);
                    removed++;
                }
            }
        }

        return removed;
    }

    /// <summary>Empties one used slot. It is the first of its set to be filled again.</summary>
    public void Remove(int slot)
    {
        TlbEntry* entry = entries + slot;
        ForgetSize(entry->SizeLog2);
        pieceCount -= entry->IsPiece ? 1 : 0;
        if (isFull)
        {
            Unlink((uint)(FirstSlot + slot));
            Group!.Forget((uint)(FirstSlot + slot));
            freeBitmap[slot / 64] |= 1UL << (slot % 64);
            freeCount++;
        }
        else
        {
            RemoveFromSet((uint)slot);
        }

        entry->Clear();
    }

    private void RemoveFromSet(uint slot)
    {
        uint set = SetOfSlot(slot);
        uint way = slot - (set * (uint)ways);
        lanes[(set * laneStride) + way] = 0;
        if (wideStamps != null)
        {
            wideStamps[slot] = 0;
        }
        else if (orders != null)
        {
            orders[set] = WithOldest(orders[set], way);
        }
    }
}
