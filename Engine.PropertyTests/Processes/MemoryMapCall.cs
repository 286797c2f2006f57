namespace Engine.PropertyTests.Processes;

/// <summary>The calls of the model test.</summary>
internal enum MemoryMapCall
{
    MapPrivate,
    MapFile,
    MapNoReplace,
    Unmap,
    Protect,
    Advise,
    Lock,
    Unlock,
    Move,
    Shrink,
    DontNeed,
    Touch,
}
