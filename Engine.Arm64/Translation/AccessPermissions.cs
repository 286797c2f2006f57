namespace Engine.Arm64.Translation;

/// <summary>What a translation allows, before PSTATE.PAN. EL1's three bits lie above EL0's three.</summary>
[Flags]
public enum AccessPermissions : byte
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>EL0 reads.</summary>
    UserRead = 1,

    /// <summary>EL0 writes.</summary>
    UserWrite = 2,

    /// <summary>EL0 executes.</summary>
    UserExecute = 4,

    /// <summary>EL1 reads.</summary>
    PrivilegedRead = 8,

    /// <summary>EL1 writes.</summary>
    PrivilegedWrite = 16,

    /// <summary>EL1 executes.</summary>
    PrivilegedExecute = 32,

    /// <summary>Everything.</summary>
    All = 63,
}
