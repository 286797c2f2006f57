// Folios change lists in batches of 31, one batch a CPU for those that become active (mm/swap.c, lru_activate) and one for
// those that mlock and munlock move (mm/mlock.c, mlock_fbatch). Until its batch is emptied a folio looks as before: a
// locked one counts as evictable, so that further uses still activate it; one that is to be active is activated again.
// What a program sees of that is the referenced bit of its pages.
//
// Linux's batches hold references. Here a folio that is freed leaves them at once, as it does the batch for new pages.

using System.Runtime.CompilerServices;
using Engine.Core.Frames;
using Engine.Core.Units;

namespace Engine.Core.Reclaim;

/// <content>Batches of folios that are to be activated, locked or unlocked.</content>
public sealed unsafe partial class LruLists
{
    private const ulong NoEntry = ulong.MaxValue;

    // Entries in all batches. Where it is 0 nobody has to look for a frame in them.
    private int pendingCount;

    /// <summary>A mapping locks the folio (<c>mlock_folio</c>): it is unevictable when the CPU's batch is emptied.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The folio's first frame.</param>
    public void Lock(CpuId cpu, Pfn pfn)
    {
        SetLocked(pfn);
        AppendLock(cpu, pfn, LruPendingKind.Lock);
    }

    /// <summary>The same for a new folio that is on no list yet (<c>mlock_new_folio</c>).</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The folio's first frame.</param>
    public void LockNew(CpuId cpu, Pfn pfn)
    {
        SetLocked(pfn);
        AppendLock(cpu, pfn, LruPendingKind.New);
    }

    /// <summary>A locked mapping goes (<c>munlock_folio</c>); with the last the folio can be evicted again.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <param name="pfn">The folio's first frame.</param>
    public void Unlock(CpuId cpu, Pfn pfn) => AppendLock(cpu, pfn, LruPendingKind.Unlock);

    private void SetLocked(Pfn pfn)
    {
        ref Frame frame = ref frames[pfn];
        if ((frame.Flags & PageFlag.Mlocked) == 0)
        {
            frame.Flags |= PageFlag.Mlocked;
            CountZone(pfn, LockedCounter, (long)PagesOf(pfn, ref frame));
        }
    }

    // A full batch is emptied at once, and so is one that gets a large folio (folio_may_be_lru_cached).
    private void AppendLock(CpuId cpu, Pfn pfn, LruPendingKind kind)
    {
        LruPending* batch = PendingOf(cpu);
        Acquire();
        uint place = Math.Min(batch->LockCount, LruPending.EntryMax - 1);
        batch->Locks[place] = ((ulong)pfn.Value << LruPending.KindShift) | (ulong)kind;
        batch->LockCount = place + 1;
        pendingCount++;
        Release();
        if (place + 1 == LruPending.EntryMax || (frames[pfn].Flags & PageFlag.Head) != 0)
        {
            DrainLocks(batch);
        }
    }

    // folio_activate
    private void AppendActivate(CpuId cpu, Pfn pfn)
    {
        LruPending* batch = PendingOf(cpu);
        Acquire();
        uint place = Math.Min(batch->ActivateCount, LruPending.EntryMax - 1);
        batch->Activates[place] = pfn.Value;
        batch->ActivateCount = place + 1;
        pendingCount++;
        Release();
        if (place + 1 == LruPending.EntryMax || (frames[pfn].Flags & PageFlag.Head) != 0)
        {
            DrainActivates(batch);
        }
    }

    private LruPending* PendingOf(CpuId cpu)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual((uint)cpu.Value, (uint)cpuCount, nameof(cpu));

        // SAFETY: there is one for each CPU, and the CPU was checked.
        return pending + cpu.Value;
    }

    // The order of lru_add_drain, after the batch of new pages.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void DrainPending(int cpu)
    {
        DrainActivates(pending + cpu);
        DrainLocks(pending + cpu);
    }

    // lru_activate
    private void DrainActivates(LruPending* batch)
    {
        uint count = Math.Min(batch->ActivateCount, LruPending.EntryMax);
        for (uint i = 0; i < count; i++)
        {
            Pfn pfn = new(batch->Activates[i]);
            if (pfn == Pfn.None || !frames.IsValid(pfn))
            {
                continue; // it was freed meanwhile
            }

            ref Frame frame = ref frames[pfn];
            if ((frame.Flags & (PageFlag.Lru | PageFlag.Active | PageFlag.Unevictable)) == PageFlag.Lru)
            {
                Change(pfn, ref frame, set: PageFlag.Active, clear: 0);
                ActivatedPages += PagesOf(pfn, ref frame);
            }
        }

        Acquire();
        batch->ActivateCount = 0;
        pendingCount -= (int)count;
        Release();
    }

    // mlock_folio_batch
    private void DrainLocks(LruPending* batch)
    {
        uint count = Math.Min(batch->LockCount, LruPending.EntryMax);
        for (uint i = 0; i < count; i++)
        {
            ulong entry = batch->Locks[i];
            Pfn pfn = new(unchecked((uint)(entry >> LruPending.KindShift)));
            if (entry == NoEntry || !frames.IsValid(pfn))
            {
                continue;
            }

            switch ((LruPendingKind)(entry & ((1 << LruPending.KindShift) - 1)))
            {
                case LruPendingKind.Lock:
                    LockListed(pfn, ref frames[pfn]);
                    break;
                case LruPendingKind.New:
                    LockUnlisted(pfn, ref frames[pfn]);
                    break;
                default:
                    UnlockNow(pfn, ref frames[pfn]);
                    break;
            }
        }

        Acquire();
        batch->LockCount = 0;
        pendingCount -= (int)count;
        Release();
    }

    // __mlock_folio. The link of an unevictable folio counts its locked mappings.
    private void LockListed(Pfn pfn, ref Frame frame)
    {
        bool isLocked = (frame.Flags & PageFlag.Mlocked) != 0;
        if ((frame.Flags & PageFlag.Lru) == 0)
        {
            return; // when it joins a list, that will be the unevictable one
        }

        if ((frame.Flags & PageFlag.Unevictable) == 0)
        {
            if (isLocked)
            {
                Change(pfn, ref frame, set: PageFlag.Unevictable, clear: PageFlag.Active);
                frame.Next = 1;
            }
        }
        else if (isLocked)
        {
            frame.Next++;
        }
        else
        {
            frame.Next = 0;
            Change(pfn, ref frame, set: 0, clear: PageFlag.Unevictable);
        }
    }

    // __mlock_new_folio
    private void LockUnlisted(Pfn pfn, ref Frame frame)
    {
        if ((frame.Flags & PageFlag.Lru) == 0)
        {
            Acquire();
            LinkNew(pfn, ref frame, lockCount: 1);
            Release();
        }
    }

    // __munlock_folio
    private void UnlockNow(Pfn pfn, ref Frame frame)
    {
        bool isListed = (frame.Flags & PageFlag.Lru) != 0;
        bool isUnevictable = isListed && (frame.Flags & PageFlag.Unevictable) != 0;
        if (isUnevictable && frame.Next > 0 && --frame.Next > 0)
        {
            return;
        }

        if ((frame.Flags & PageFlag.Mlocked) != 0)
        {
            frame.Flags &= ~PageFlag.Mlocked;
            CountZone(pfn, LockedCounter, -(long)PagesOf(pfn, ref frame));
        }

        if (isUnevictable)
        {
            frame.Next = 0;
            Change(pfn, ref frame, set: 0, clear: PageFlag.Unevictable);
        }
    }

    // lru_add: a locked folio joins the unevictable list. Who counts its locked mappings is not known there: Linux rather
    // counts too few, which reclaim puts right, than leaves a folio on that list for good. With the lock held.
    private void LinkNew(Pfn pfn, ref Frame frame, ulong lockCount = 0)
    {
        bool isLocked = (frame.Flags & PageFlag.Mlocked) != 0;
        frame.Next = 0;
        frame.Flags = isLocked ? (frame.Flags & ~PageFlag.Active) | PageFlag.Unevictable : frame.Flags & ~PageFlag.Unevictable;
        LinkFirst(pfn, ref frame);
        frame.Next = isLocked ? lockCount : frame.Next;
    }

    // A folio is freed: what still waits for it is forgotten.
    private void ForgetPending(Pfn pfn)
    {
        Acquire();
        for (int cpu = 0; cpu < cpuCount; cpu++)
        {
            LruPending* batch = pending + cpu;
            for (uint i = 0; i < Math.Min(batch->ActivateCount, LruPending.EntryMax); i++)
            {
                batch->Activates[i] = batch->Activates[i] == pfn.Value ? Pfn.None.Value : batch->Activates[i];
            }

            for (uint i = 0; i < Math.Min(batch->LockCount, LruPending.EntryMax); i++)
            {
                batch->Locks[i] = batch->Locks[i] >> LruPending.KindShift == pfn.Value ? NoEntry : batch->Locks[i];
            }
        }

        Release();
    }
}
