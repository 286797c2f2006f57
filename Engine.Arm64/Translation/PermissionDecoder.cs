namespace Engine.Arm64.Translation;

/// <summary>From descriptor bits to what is allowed (Arm DDI 0487, D8.4).</summary>
internal static class PermissionDecoder
{
    // APTable, XNTable and PXNTable of all tables passed, OR-ed.
    internal const ulong HierarchicalMask = 0xFUL << 59;

    private const ulong PxnTableBit = 1UL << 59;
    private const ulong UxnTableBit = 1UL << 60;
    private const ulong ApTableNoUserBit = 1UL << 61;
    private const ulong ApTableReadOnlyBit = 1UL << 62;
    private const int Stage2WriteBit = 2;

    /// <summary>Stage 1: AP, UXN and PXN of the leaf, restricted by the tables above it (<c>AArch64.S1DirectBasePermissions</c>).</summary>
    /// <param name="leaf">The leaf descriptor; AP[2] already cleared where hardware dirty state makes it writable.</param>
    /// <param name="hierarchical">The tables' bits OR-ed, or 0 with HPD.</param>
    /// <param name="isWxn">SCTLR.WXN: what may be written may not be executed.</param>
    public static AccessPermissions Stage1(ulong leaf, ulong hierarchical, bool isWxn)
    {
        bool isReadOnly = (leaf & Descriptor.ReadOnlyBit) != 0 || (hierarchical & ApTableReadOnlyBit) != 0;
        bool isUser = (leaf & Descriptor.UserBit) != 0 && (hierarchical & ApTableNoUserBit) == 0;
        bool isUserExecutable = (leaf & Descriptor.UxnBit) == 0 && (hierarchical & UxnTableBit) == 0;
        bool isPrivilegedExecutable = (leaf & Descriptor.PxnBit) == 0 && (hierarchical & PxnTableBit) == 0;

        AccessPermissions permissions = AccessPermissions.PrivilegedRead;
        permissions |= isReadOnly ? AccessPermissions.None : AccessPermissions.PrivilegedWrite;
        permissions |= isUser ? AccessPermissions.UserRead : AccessPermissions.None;
        bool isUserWritable = isUser && !isReadOnly;
        permissions |= isUserWritable ? AccessPermissions.UserWrite : AccessPermissions.None;

        // EL1 never executes what EL0 may write.
        isPrivilegedExecutable &= !isUserWritable && !(isWxn && !isReadOnly);
        isUserExecutable &= !(isWxn && isUserWritable);
        permissions |= isPrivilegedExecutable ? AccessPermissions.PrivilegedExecute : AccessPermissions.None;
        return permissions | (isUserExecutable ? AccessPermissions.UserExecute : AccessPermissions.None);
    }

    /// <summary>Stage 2: S2AP and XN.</summary>
    /// <param name="leaf">The leaf descriptor; S2AP[1] already set where hardware dirty state makes it writable.</param>
    /// <param name="isExecuteNeverByLevel">FEAT_XNX: bit 53 tells the exception levels apart.</param>
    public static AccessPermissions Stage2(ulong leaf, bool isExecuteNeverByLevel)
    {
        int s2ap = (int)((leaf >> 6) & 3);
        AccessPermissions permissions = AccessPermissions.None;
        permissions |= (s2ap & 1) != 0 ? AccessPermissions.UserRead | AccessPermissions.PrivilegedRead : AccessPermissions.None;
        permissions |= (s2ap & Stage2WriteBit) != 0 ? AccessPermissions.UserWrite | AccessPermissions.PrivilegedWrite : AccessPermissions.None;

        bool xn1 = (leaf & Descriptor.UxnBit) != 0;
        bool xn0 = isExecuteNeverByLevel && (leaf & Descriptor.PxnBit) != 0;
        bool isPrivilegedExecutable = xn1 == xn0; // 00 both, 11 EL1 only
        bool isUserExecutable = !xn1;             // 00 both, 01 EL0 only
        permissions |= isPrivilegedExecutable ? AccessPermissions.PrivilegedExecute : AccessPermissions.None;
        return permissions | (isUserExecutable ? AccessPermissions.UserExecute : AccessPermissions.None);
    }
}
