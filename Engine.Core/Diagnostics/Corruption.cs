using System.Globalization;
using Engine.Core.Units;

namespace Engine.Core.Diagnostics;

/// <summary>One inconsistency in the arena: the engine's equivalent of the kernel's <i>Bad page state</i> and BUG reports.</summary>
/// <param name="Category">The structure it was found in.</param>
/// <param name="Reason">In the kernel's words where it has them, for example <c>nonzero mapcount</c>.</param>
/// <param name="Address">Where in physical memory.</param>
/// <param name="Expected">The value that would have been right, if there is one.</param>
/// <param name="Found">The value that was there.</param>
public readonly record struct Corruption(CorruptionCategory Category, string Reason, PhysAddr Address, ulong Expected, ulong Found)
{
    /// <summary>One line: category, reason, address, expected and found.</summary>
    public override string ToString() =>
        string.Create(CultureInfo.InvariantCulture, $"{Category}: {Reason} at {Address} (expected 0x{Expected:x}, found 0x{Found:x})");
}
