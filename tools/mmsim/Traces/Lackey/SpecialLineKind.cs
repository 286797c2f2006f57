namespace Mmsim.Traces.Lackey;

/// <summary>The forms of system-call lines in a lackey log.</summary>
internal enum SpecialLineKind
{
    /// <summary>valgrind's own text; says nothing about the program.</summary>
    Ignored,

    /// <summary><c>SYSCALL[p,t](nr) sys_x ( … ) --&gt; [pre-success] Success(0x0)</c>: the call and its result.</summary>
    Whole,

    /// <summary><c>SYSCALL[p,t](nr) sys_x ( … ) --&gt; [async] ...</c>, or no result at all: the result comes on a later line.</summary>
    Started,

    /// <summary><c>SYSCALL[p,t](nr) ... [async] --&gt; Success(0x0)</c>: the result of a call that was started.</summary>
    Finished,

    /// <summary><c> --&gt; [pre-fail] Failure(0x26)</c>: the result of the call on the line before.</summary>
    ResultOnly,
}
