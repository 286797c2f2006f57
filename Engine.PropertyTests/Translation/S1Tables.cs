namespace Engine.PropertyTests.Translation;

/// <summary>What the tables above a leaf take away.</summary>
internal readonly record struct S1Tables(bool Pxn, bool Uxn, bool NoUser, bool NoWrite)
{
    public S1Tables And(ulong descriptor) => new(
        Pxn || NaiveWalker.Bit(descriptor, 59), Uxn || NaiveWalker.Bit(descriptor, 60),
        NoUser || NaiveWalker.Bit(descriptor, 61), NoWrite || NaiveWalker.Bit(descriptor, 62));
}
