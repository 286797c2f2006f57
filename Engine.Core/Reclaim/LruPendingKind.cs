namespace Engine.Core.Reclaim;

/// <summary>What an entry of the batch of locked folios asks for (<c>LRU_FOLIO</c>, <c>NEW_FOLIO</c> in mm/mlock.c).</summary>
internal enum LruPendingKind : uint
{
    /// <summary>A locked mapping went (<c>__munlock_folio</c>).</summary>
    Unlock,

    /// <summary>A locked mapping came (<c>__mlock_folio</c>).</summary>
    Lock,

    /// <summary>A new folio that is on no list joins the unevictable ones (<c>__mlock_new_folio</c>).</summary>
    New,
}
