namespace Engine.Arm64.Translation;

/// <summary>
/// The tables that the last fast walk passed: what a walk cache keeps. Each word is a table's physical address with the
/// restrictions of the way to it OR-ed in at their places in a table descriptor (bits 62:59). 0: not passed.
/// </summary>
public struct WalkPath
{
    /// <summary>The level-1 table.</summary>
    public ulong Level1;

    /// <summary>The level-2 table.</summary>
    public ulong Level2;

    /// <summary>The level-3 table.</summary>
    public ulong Level3;
}
