// The way to the structures in the arena: what is no RAM is reported, and leads nowhere.

using System.Runtime.CompilerServices;
using Engine.Core.Diagnostics;
using Engine.Core.Units;

namespace Engine.Arm64.Processes;

/// <content>Checked access.</content>
public sealed unsafe partial class AnonVmas
{
    private AnonVma absentAnonVma;
    private AnonVmaChain absentLink;
    private VmArea absentArea;

    /// <summary>The anon_vma that a reference names. One that cannot be is reported, and gives one without VMAs.</summary>
    public ref AnonVma this[AnonVmaRef anonVma]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (!anonVmaWindow.Holds(anonVma.Value))
            {
                return ref DistantAnonVma(anonVma);
            }

            // SAFETY: all bytes are RAM, and it is aligned.
            return ref Unsafe.AsRef<AnonVma>(anonVmaWindow.At(anonVma.Value));
        }
    }

    /// <summary>The link at an address. One that cannot be is reported, and gives one that leads nowhere.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref AnonVmaChain Link(PhysAddr link)
    {
        if (!linkWindow.Holds(link.Value))
        {
            return ref DistantLink(link);
        }

        // SAFETY: all bytes are RAM, and it is aligned.
        return ref Unsafe.AsRef<AnonVmaChain>(linkWindow.At(link.Value));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ref VmArea Area(VmAreaRef area)
    {
        if (!areaWindow.Holds(area.Value))
        {
            return ref DistantArea(area);
        }

        // SAFETY: all bytes are RAM, and it is aligned.
        return ref Unsafe.AsRef<VmArea>(areaWindow.At(area.Value));
    }

    // What is not in the first bank: in a later one, or nowhere.
    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref AnonVma DistantAnonVma(AnonVmaRef anonVma)
    {
        if (IsRam(anonVma.Value, AnonVma.SizeBytes))
        {
            // SAFETY: all bytes are RAM, and it is aligned.
            return ref Unsafe.AsRef<AnonVma>(anonVmaWindow.At(anonVma.Value));
        }

        Report("anon_vma outside RAM", anonVma.Value);
        absentAnonVma = new AnonVma { Root = AnonVmaRef.None, Parent = AnonVmaRef.None, Chain = NoLink };
        return ref absentAnonVma;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref AnonVmaChain DistantLink(PhysAddr link)
    {
        if (IsRam(link.Value, AnonVmaChain.SizeBytes))
        {
            // SAFETY: all bytes are RAM, and it is aligned.
            return ref Unsafe.AsRef<AnonVmaChain>(linkWindow.At(link.Value));
        }

        Report("anon_vma_chain outside RAM", link.Value);
        absentLink = new AnonVmaChain
        {
            Area = VmAreaRef.None,
            AnonVma = AnonVmaRef.None,
            NextOfArea = NoLink,
            NextOfAnonVma = NoLink,
            PreviousOfAnonVma = NoLink,
        };
        return ref absentLink;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private ref VmArea DistantArea(VmAreaRef area)
    {
        if (IsRam(area.Value, VmArea.SizeBytes))
        {
            // SAFETY: all bytes are RAM, and it is aligned.
            return ref Unsafe.AsRef<VmArea>(areaWindow.At(area.Value));
        }

        Report("VMA outside RAM", area.Value);
        absentArea = new VmArea { Next = VmAreaRef.None, Previous = VmAreaRef.None, AnonVma = AnonVmaRef.None, AnonVmaChain = NoLink };
        return ref absentArea;
    }

    private bool IsRam(ulong address, ulong lengthBytes) =>
        memory.Contains(new PhysAddr(address), lengthBytes) && (address & 7) == 0;

    private void Report(string reason, ulong address) =>
        caches.Log.Report(new Corruption(CorruptionCategory.VmAreaTree, reason, new PhysAddr(address), 0, address));
}
