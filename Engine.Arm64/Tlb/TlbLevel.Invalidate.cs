// Taking entries out, and changing the address space.
//
// A fully associative level compares addresses only: at a change of ASID or VMID the entries that do not serve the new address
// space are made inactive (bit 0 of the tag), which costs one pass over a few dozen entries and nothing at each access.
// A level with sets compares the ASID in its lanes and the VMID in the entry.

namespace Engine.Arm64.Tlb;

internal sealed unsafe partial class TlbLevel
{
    private ushort currentAsid;
    private ushort currentVmid;

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

        currentAsid = asid;
        currentVmid = vmid;
        laneAsid = ((ulong)asid << LaneAsidShift) | LaneUsed;
        if (!isFull)
        {
            // An entry of a set does not say by its tag whether it is active.
            *Last = Nothing;
            return;
        }

        for (int slot = 0; slot < entryCount; slot++)
        {
            TlbEntry* entry = entries + slot;
            if (entry->IsUsed)
            {
                entry->Tag = entry->Start | (entry->Serves(asid, vmid) ? 0u : TlbEntry.UnusedTag);
            }
        }
    }

    /// <summary>Empties one used slot. It is the first of its set to be filled again.</summary>
    public void Remove(int slot)
    {
        TlbEntry* entry = entries + slot;
        ForgetSize(entry->SizeLog2);
        if (isFull)
        {
            Unlink((uint)slot, entry);
            stamps[slot] = NoStamp;
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
            ulong order = orders[set];
            int place = PlaceOf(order, way);
            ulong above = (order >> place >> 4) << place;
            orders[set] = (order & ((1UL << place) - 1)) | above | ((ulong)way << ((ways - 1) * 4));
        }
    }
}
