namespace Mmsim.Traces;

/// <summary>How a system call of the traced program ended.</summary>
public enum SyscallOutcome
{
    /// <summary>The trace ends before the call does.</summary>
    Unfinished = 0,

    /// <summary>The call returned a value.</summary>
    Success = 1,

    /// <summary>The call returned an errno.</summary>
    Failure = 2,
}
