namespace Engine.Arm64.Faults;

/// <summary>How a fault ended: the parts of Linux's <c>vm_fault_t</c> and of arm64's <c>do_page_fault</c> that a program can see.</summary>
public enum FaultResult
{
    /// <summary>Resolved without input from a file (<c>min_flt</c>).</summary>
    Minor,

    /// <summary>Resolved after a page was read (<c>maj_flt</c>).</summary>
    Major,

    /// <summary>No mapping covers the address: SIGSEGV with <c>SEGV_MAPERR</c>.</summary>
    SegvMapErr,

    /// <summary>The mapping does not allow the access: SIGSEGV with <c>SEGV_ACCERR</c>.</summary>
    SegvAccErr,

    /// <summary>The page lies beyond the end of its file: SIGBUS with <c>BUS_ADRERR</c>.</summary>
    BusAdrErr,

    /// <summary>No frame could be had (<c>VM_FAULT_OOM</c>).</summary>
    OutOfMemory,

    /// <summary>The process was killed for memory that its memory cgroup may not have: SIGKILL (<c>mem_cgroup_oom</c>).</summary>
    Killed,

    /// <summary>The access has to wait, and nothing has changed: see <see cref="Process.BlocksOnInput"/>.</summary>
    Blocked,
}
