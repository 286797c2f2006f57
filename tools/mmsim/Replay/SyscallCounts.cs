namespace Mmsim.Replay;

/// <summary>What became of the trace's system calls.</summary>
internal sealed class SyscallCounts
{
    /// <summary>Calls that changed the address space as they did in the traced program.</summary>
    public long Applied { get; set; }

    /// <summary>Calls that had failed in the traced program: they change nothing here either.</summary>
    public long Failed { get; set; }

    /// <summary>Calls that do not concern memory.</summary>
    public long Ignored { get; set; }

    /// <summary>Calls that succeeded in the traced program and fail in the model. Counted among <see cref="Applied"/> as well.</summary>
    public long Refused { get; set; }
}
