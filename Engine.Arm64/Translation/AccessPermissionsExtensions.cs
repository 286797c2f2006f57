namespace Engine.Arm64.Translation;

/// <summary>Decisions over <see cref="AccessPermissions"/>.</summary>
public static class AccessPermissionsExtensions
{
    internal const int PrivilegedShift = 3;

    /// <summary>Whether an access goes through (Arm DDI 0487, D8.4).</summary>
    /// <param name="permissions">What the translation allows.</param>
    /// <param name="access">Who accesses, and how; PAN counts for EL1's data accesses.</param>
    /// <param name="isEpan">SCTLR_EL1.EPAN: PAN also covers what EL0 may only execute.</param>
    public static bool Allows(this AccessPermissions permissions, in TranslationAccess access, bool isEpan)
    {
        AccessPermissions needed = access.Needed;
        if ((permissions & needed) != needed)
        {
            return false;
        }

        if (!access.Pan || access.ExceptionLevel == 0 || access.IsFetch)
        {
            return true;
        }

        AccessPermissions usersOwn = AccessPermissions.UserRead | AccessPermissions.UserWrite
            | (isEpan ? AccessPermissions.UserExecute : AccessPermissions.None);
        return (permissions & usersOwn) == 0;
    }
}
