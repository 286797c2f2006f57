using Engine.Arm64.Translation;

namespace Engine.PropertyTests.Translation;

/// <summary>Stage 1 data and execute permissions, as the tables of D8.4 list them.</summary>
internal readonly struct S1Rights
{
    private readonly string data;
    private readonly bool privilegedExecutes;
    private readonly bool userExecutes;

    public S1Rights(ulong leaf, S1Tables above, bool dbmGrants, bool wxn)
    {
        // "pr pw ur uw"
        string byAp = (NaiveWalker.Bit(leaf, 7) && !dbmGrants, NaiveWalker.Bit(leaf, 6)) switch
        {
            (false, false) => "1100",
            (false, true) => "1111",
            (true, false) => "1000",
            (true, true) => "1010",
        };
        string mask = (above.NoWrite, above.NoUser) switch
        {
            (false, false) => "1111",
            (false, true) => "1100",
            (true, false) => "1010",
            (true, true) => "1000",
        };
        data = string.Concat(byAp.Zip(mask, (own, kept) => own == '1' && kept == '1' ? '1' : '0'));
        bool userWrites = data[3] == '1';
        bool privilegedWrites = data[1] == '1';
        privilegedExecutes = !(NaiveWalker.Bit(leaf, 53) || above.Pxn || userWrites) && !(wxn && privilegedWrites);
        userExecutes = !(NaiveWalker.Bit(leaf, 54) || above.Uxn) && !(wxn && userWrites);
    }

    public bool Permits(AccessKind kind, int el) => kind switch
    {
        AccessKind.Fetch => el == 1 ? privilegedExecutes : userExecutes,
        AccessKind.Load => data[el == 1 ? 0 : 2] == '1',
        AccessKind.Store => data[el == 1 ? 1 : 3] == '1',
        _ => Permits(AccessKind.Load, el) && Permits(AccessKind.Store, el),
    };

    public override string ToString() => string.Concat(
        data[0] == '1' ? 'r' : '-', data[1] == '1' ? 'w' : '-', privilegedExecutes ? 'x' : '-')
        + string.Concat(data[2] == '1' ? 'r' : '-', data[3] == '1' ? 'w' : '-', userExecutes ? 'x' : '-');
}
