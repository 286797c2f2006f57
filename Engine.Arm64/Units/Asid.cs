using System.Globalization;

namespace Engine.Arm64.Units;

/// <summary>An address space identifier: the tag that tells one process's TLB entries from another's; 8 or 16 bits.</summary>
public readonly record struct Asid
{
    internal readonly ushort Value;

    /// <summary>Wraps an ASID.</summary>
    /// <param name="value">0 is reserved by Linux for the time before a process has one.</param>
    public Asid(ushort value) => Value = value;

    /// <summary>The ASID as an integer.</summary>
    public ushort ToUInt16() => Value;

    /// <summary>The number.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
