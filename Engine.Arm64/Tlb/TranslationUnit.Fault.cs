// The access whose fault was handled. Its translation was in no level a moment ago and is in the tables now, so the short way
// through the miss goes: what it does and counts is what Translate does and counts.

using Engine.Arm64.Translation;
using Engine.Arm64.Units;

namespace Engine.Arm64.Tlb;

public sealed unsafe partial class TranslationUnit<TWalker, TObserver>
{
    /// <summary>Translates an address again after a fault on it was handled.</summary>
    /// <inheritdoc cref="Translate(VirtAddr, AccessKind)"/>
    public ulong TranslateAgain(VirtAddr address, AccessKind kind)
    {
        int pause = quickPause;
        quickPause = 0;
        ulong translated = Translate(address, kind);

        // The next miss is likely to be the next page's fault, for which the short way does not go.
        quickPause = pause;
        return translated;
    }
}
