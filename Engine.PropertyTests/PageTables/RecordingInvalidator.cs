using Engine.Arm64.PageTables;
using Engine.Arm64.Units;

namespace Engine.PropertyTests.PageTables;

/// <summary>Keeps what the tables ask of the TLBs.</summary>
internal sealed class RecordingInvalidator : ITlbInvalidator
{
    public List<(ulong Start, ulong LengthBytes, int Level)> Asked { get; } = [];

    public void InvalidateRange(VirtAddr start, ulong lengthBytes, int level) => Asked.Add((start.ToUInt64(), lengthBytes, level));
}
