namespace Engine.Arm64.Processes;

/// <summary><c>vm.overcommit_memory</c>.</summary>
public enum OvercommitMode
{
    /// <summary>Refuses only what exceeds all memory and swap at once.</summary>
    Guess = 0,

    /// <summary>Refuses nothing.</summary>
    Always = 1,

    /// <summary>Never promises more than the limit.</summary>
    Never = 2,
}
