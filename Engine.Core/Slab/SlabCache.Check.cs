using Engine.Core.Units;

namespace Engine.Core.Slab;

/// <content>The checks of the debug options, with the kernel's repairs: <c>check_slab</c>, <c>check_object</c>, <c>on_freelist</c>.</content>
public sealed unsafe partial class SlabCache
{
    private const int TrackAllocated = 0;
    private const int TrackFreed = 1;

    /// <summary>Checks all slabs of a cache with debug options, as writing 1 to <c>/sys/kernel/slab/NAME/validate</c> does.</summary>
    /// <returns>How many objects were looked at; 0 for a cache without debug options.</returns>
    public int Validate()
    {
        int count = 0;
        if (!IsDebug)
        {
            return 0;
        }

        foreach (NodeGate home in homes)
        {
            using (home.Enter())
            {
                count += ValidateNode(home.Node);
            }
        }

        return count;
    }

    // validate_slab_node(): full slabs are on a list for who tracks owners only.
    private int ValidateNode(SlabNode* node)
    {
        List<SlabPage> partial = ListFrom(node->PartialFirst);
        int count = partial.Sum(ValidateSlab);
        CheckLength($"SLUB {Name}: {partial.Count} partial slabs counted but counter={node->PartialSlabs}\n", node, node->PartialSlabs, partial.Count);
        if (Has(SlabFlags.StoreUser))
        {
            List<SlabPage> full = ListFrom(node->FullFirst);
            count += full.Sum(ValidateSlab);
            int all = partial.Count + full.Count;
            CheckLength($"SLUB: {Name} {all} slabs counted but counter={node->Slabs}\n", node, node->Slabs, all);
        }

        return count;
    }

    private void CheckLength(string text, SlabNode* node, ulong counter, int counted)
    {
        if (counter != (ulong)counted)
        {
            system.Print(text);
            Report("slabs counted", AddressOf(node), counter, (ulong)counted);
        }
    }

    private int ValidateSlab(SlabPage slab)
    {
        if (!CheckSlab(slab) || IsOnFreeList(slab, 0))
        {
            return 0;
        }

        System.Collections.BitArray free = ReadFreeList(slab);
        for (int i = 0; i < CapacityOf(slab); i++)
        {
            _ = CheckObject(slab, AddressOfIndex(slab, i), free[i] ? RedInactive : RedActive);
        }

        return CapacityOf(slab);
    }

    // How many objects fit, whatever the slab's own count says.
    private int CapacityOf(SlabPage slab) => (int)(slab.LengthBytes / (ulong)Geometry.SizeBytes);

    private System.Collections.BitArray ReadFreeList(SlabPage slab)
    {
        System.Collections.BitArray free = new(CapacityOf(slab));
        ulong next = slab.Counters.IsListEmpty ? 0 : AddressOfIndex(slab, slab.Counters.Head);
        while (next != 0 && IsObjectOf(slab, next) && !free[IndexOf(slab, next)])
        {
            free[IndexOf(slab, next)] = true;
            next = GetFreePointer(next);
        }

        return free;
    }

    private bool CheckSlab(SlabPage slab)
    {
        SlabCounters counters = slab.Counters;
        int objectsMax = CapacityOf(slab);
        if (counters.Objects > objectsMax)
        {
            SlabError(slab, $"objects {counters.Objects} > max {objectsMax}", (ulong)objectsMax, (ulong)counters.Objects);
            return false;
        }

        if (counters.InUse > counters.Objects)
        {
            SlabError(slab, $"inuse {counters.InUse} > max {counters.Objects}", (ulong)counters.Objects, (ulong)counters.InUse);
            return false;
        }

        CheckSlabPadding(slab);
        return true;
    }

    // slab_pad_check(): the rest behind the last object.
    private void CheckSlabPadding(SlabPage slab)
    {
        int rest = (int)(slab.LengthBytes % (ulong)Geometry.SizeBytes);
        if (!Has(SlabFlags.Poison) || rest == 0)
        {
            return;
        }

        ulong start = slab.Start + slab.LengthBytes - (ulong)rest;
        if (FindOverwritten(start, rest, PoisonInUse, out ulong first, out ulong end))
        {
            byte found = Bytes(first, 1)[0];
            SlabError(slab, $"Padding overwritten. 0x{first:x16}-0x{end - 1:x16} @offset={first - slab.Start}", PoisonInUse, found, ("Padding ", start, rest));
            Restore("slab padding", PoisonInUse, first, end);
        }
    }

    private bool CheckObject(SlabPage slab, ulong address, byte redZone)
    {
        int objectBytes = ObjectBytesOfRoot;
        ulong end = address + (ulong)objectBytes;
        int slack = Geometry.InUseBytes - objectBytes;
        if (Has(SlabFlags.RedZone))
        {
            int original = KeepsOriginalSize && redZone == RedActive ? GetOriginalSize(address) : objectBytes;
            if (!CheckBytes(slab, address, "Left Redzone", address - (ulong)Geometry.RedLeftPadBytes, redZone, Geometry.RedLeftPadBytes)
                || !CheckBytes(slab, address, "Right Redzone", end, redZone, slack)
                || !CheckBytes(slab, address, "kmalloc Redzone", address + (ulong)original, redZone, objectBytes - original))
            {
                return false;
            }
        }
        else if (Has(SlabFlags.Poison))
        {
            _ = CheckBytes(slab, address, "Alignment padding", end, PoisonInUse, slack);
        }

        return (!Has(SlabFlags.Poison) || CheckPoison(slab, address, redZone)) && CheckFreePointer(slab, address, redZone);
    }

    private bool CheckPoison(SlabPage slab, ulong address, byte redZone)
    {
        int objectBytes = ObjectBytesOfRoot;
        if (redZone != RedActive && Geometry.IsObjectPoisoned
            && (!CheckBytes(slab, address, "Poison", address, PoisonFree, objectBytes - 1)
                || !CheckBytes(slab, address, "End Poison", address + (ulong)objectBytes - 1, PoisonEnd, 1)))
        {
            return false;
        }

        int metadataEnd = MetadataEnd;
        return CheckBytes(slab, address, "Object padding", address + (ulong)metadataEnd, PoisonInUse, SizeFromObject - metadataEnd);
    }

    private bool CheckFreePointer(SlabPage slab, ulong address, byte redZone)
    {
        if (!Geometry.IsFreePointerOutside && redZone == RedActive)
        {
            return true;
        }

        ulong next = GetFreePointer(address);
        if (next == 0 || IsObjectOf(slab, next))
        {
            return true;
        }

        ObjectError(slab, address, "Freepointer check fails");
        SetFreePointer(address, 0);
        return false;
    }

    // on_freelist(): with its checks of the list and of the counters.
    private bool IsOnFreeList(SlabPage slab, ulong search)
    {
        SlabCounters counters = slab.Counters;
        int length = 0;
        ulong previous = 0;
        ulong next = counters.IsListEmpty ? 0 : AddressOfIndex(slab, counters.Head);
        while (next != 0 && length <= counters.Objects)
        {
            if (next == search)
            {
                return true;
            }

            if (!IsObjectOf(slab, next))
            {
                if (previous == 0)
                {
                    SlabError(slab, "Freepointer corrupt", 0, next);
                    slab.Counters = new SlabCounters(-1, counters.Objects, counters.Objects, counters.IsFrozen);
                    Fix("Freelist cleared");
                    return false;
                }

                ObjectError(slab, previous, "Freechain corrupt");
                SetFreePointer(previous, 0);
                break;
            }

            previous = next;
            next = GetFreePointer(next);
            length++;
        }

        CheckCounts(slab, length);
        return false;
    }

    private void CheckCounts(SlabPage slab, int listed)
    {
        SlabCounters counters = slab.Counters;
        int objects = CapacityOf(slab);
        if (counters.Objects != objects)
        {
            SlabError(slab, $"Wrong number of objects. Found {counters.Objects} but should be {objects}", (ulong)objects, (ulong)counters.Objects);
            Fix("Number of objects adjusted");
        }

        int used = Math.Max(objects - listed, 0);
        if (counters.InUse != used)
        {
            SlabError(slab, $"Wrong object count. Counter is {counters.InUse} but counted were {used}", (ulong)used, (ulong)counters.InUse);
            Fix("Object count adjusted");
        }

        slab.Counters = new SlabCounters(counters.Head, used, objects, counters.IsFrozen);
    }

    // check_bytes_and_report(): reports the first to the last wrong byte and puts the right ones back.
    private bool CheckBytes(SlabPage slab, ulong address, string what, ulong start, byte value, int lengthBytes)
    {
        if (lengthBytes <= 0 || !FindOverwritten(start, lengthBytes, value, out ulong first, out ulong end))
        {
            return true;
        }

        BytesError(slab, address, what, first, end, value);
        Restore(what, value, first, end);
        return false;
    }

    private bool FindOverwritten(ulong start, int lengthBytes, byte value, out ulong first, out ulong end)
    {
        ReadOnlySpan<byte> bytes = Bytes(start, lengthBytes);
        int index = bytes.IndexOfAnyExcept(value);
        first = start + (ulong)Math.Max(index, 0);
        end = start + (ulong)(bytes.LastIndexOfAnyExcept(value) + 1);
        return index >= 0;
    }

    private void Restore(string what, byte value, ulong first, ulong end)
    {
        Fix($"Restoring {what} 0x{first:x16}-0x{end - 1:x16}=0x{value:x}");
        Bytes(first, (int)(end - first)).Fill(value);
    }

    /// <summary>Offset in bytes from an object to what lies behind its metadata.</summary>
    private int MetadataEnd => (int)TrackOffset(TrackAllocated) + (Has(SlabFlags.StoreUser) ? 2 * SlabGeometry.TrackBytes : 0)
        + (KeepsOriginalSize ? sizeof(uint) : 0);

    private int SizeFromObject => Geometry.SizeBytes - Geometry.RedLeftPadBytes;

    private ulong TrackOffset(int kind) =>
        (ulong)(Geometry.InUseBytes + (Geometry.IsFreePointerOutside ? SlabGeometry.PointerBytes : 0) + (kind * SlabGeometry.TrackBytes));

    private int GetOriginalSize(ulong address)
    {
        uint stored = arena.Memory.GetRef<uint>(new PhysAddr(address + TrackOffset(2)));
        return (int)Math.Min(stored, (uint)ObjectBytesOfRoot);
    }

    private void SetOriginalSize(ulong address, int originalBytes)
    {
        if (KeepsOriginalSize)
        {
            arena.Memory.GetRef<uint>(new PhysAddr(address + TrackOffset(2))) = (uint)originalBytes;
        }
    }

    // struct track: caller's address, stack handle, CPU, process, time.
    private void WriteTrack(ulong address, int kind, CpuId cpu)
    {
        ulong place = address + TrackOffset(kind);
        (ulong caller, int process, ulong time) = system.TakeCaller(cpu);
        arena.WordAt(place) = caller;
        arena.Memory.GetRef<uint>(new PhysAddr(place + 8)) = 0;
        arena.Memory.GetRef<int>(new PhysAddr(place + 12)) = cpu.Value;
        arena.Memory.GetRef<int>(new PhysAddr(place + 16)) = process;
        arena.WordAt(place + 24) = time;
    }
}
