// A freed frame's pageblock says which list takes it. Were the list's address computed from what the pageblock's entry holds, the
// next allocation would have to wait for that: it needs the list's new top. So the list is guessed to be the one that took the
// frame before, and the pageblock only confirms the guess, which the processor need not wait for.

using System.Runtime.InteropServices;

namespace Engine.Core.Buddy;

/// <summary>The route that served one CPU's latest free. Written by the owner alone, apart from the neighbours' on any host with lines of up to 128 bytes.</summary>
[StructLayout(LayoutKind.Explicit, Size = 256)]
internal struct LastFreeRoute
{
    /// <summary>The route.</summary>
    [FieldOffset(128)]
    public FreeRoute Value;
}
