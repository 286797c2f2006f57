using System.Runtime.InteropServices;

namespace Engine.Core.Zones;

/// <summary>A word that several CPUs contend for, with 128 bytes before and after it that nothing else uses.</summary>
[StructLayout(LayoutKind.Explicit, Size = 260)]
internal struct PaddedInt32
{
    /// <summary>The word.</summary>
    [FieldOffset(128)]
    public int Value;
}
