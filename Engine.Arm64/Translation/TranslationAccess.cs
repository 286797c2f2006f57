namespace Engine.Arm64.Translation;

/// <summary>Who accesses, and how.</summary>
/// <param name="Kind">Fetch, load, store, or both load and store.</param>
/// <param name="ExceptionLevel">0 or 1.</param>
/// <param name="Pan">PSTATE.PAN: EL1 keeps off what EL0 may use.</param>
/// <param name="UpdatesTables">
/// Whether the hardware sets the access flag and the dirty state in the tables where TCR says so.
/// Without it the walk only looks, as an AT instruction may.
/// </param>
public readonly record struct TranslationAccess(AccessKind Kind, int ExceptionLevel, bool Pan = false, bool UpdatesTables = false)
{
    internal bool IsFetch => Kind == AccessKind.Fetch;

    internal bool IsWrite => Kind >= AccessKind.Store;

    /// <summary>The permissions that the access needs.</summary>
    internal AccessPermissions Needed =>
        (AccessPermissions)(byte)(NeededByKind[(int)Kind & 3] << (ExceptionLevel == 0 ? 0 : AccessPermissionsExtensions.PrivilegedShift));

    // EL0's bits for fetch, load, store and modify.
    private static ReadOnlySpan<byte> NeededByKind =>
    [
        (byte)AccessPermissions.UserExecute,
        (byte)AccessPermissions.UserRead,
        (byte)AccessPermissions.UserWrite,
        (byte)(AccessPermissions.UserRead | AccessPermissions.UserWrite),
    ];
}
