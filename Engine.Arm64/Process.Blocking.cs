// Faults that wait. Usually a fault that has to read is resolved at once. An embedder that models the device's time, or that wants to run
// another process meanwhile, turns BlocksOnInput on: such a fault then ends as Blocked, and nothing has changed. When the embedder thinks
// the page has come it calls CompleteFault, which does the reading and maps the page, and retries the access:
//
//   result = cpu.TryRead(address, out value);
//   if (result == FaultResult.Blocked) { queue process, run another; }
//   ... later, unless process.WaitsFor is None: process has exited
//   process.CompleteFault(cpu.Id);             Major or Minor: retry the access; Blocked: no memory yet; else the signal
//
// Each process waits for one page at a time, so any number of processes may wait, for the same page too: the first completion reads it. A
// blocked fault holds neither frames nor references: what it waits for may be unmapped, truncated or come by another way meanwhile, and a
// process that exits while it is blocked leaves nothing behind.

using Engine.Arm64.Faults;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Engine.Core.Units;

namespace Engine.Arm64;

/// <content>Faults that wait for input or memory.</content>
public sealed partial class Process
{
    private VirtAddr blockedAddress;
    private AccessKind blockedKind;

    /// <summary>
    /// Whether an access that must wait ends as <see cref="FaultResult.Blocked"/>: for a page that is read from a file or from swap space,
    /// or for free memory. Off, the page is read within the access, and an access without memory ends as <see cref="FaultResult.OutOfMemory"/>.
    /// System calls that bring pages in or read the process's memory (mlock, MAP_POPULATE, prctl) always read at once. A child has its parent's.
    /// </summary>
    public bool BlocksOnInput { get; set; }

    /// <summary>What the process waits for; <see cref="FaultWaitReason.None"/> where it does not, as after exit and exec.</summary>
    public FaultWaitReason WaitsFor { get; private set; }

    /// <summary>The page that it waits for.</summary>
    public VirtAddr BlockedAddress => blockedAddress;

    /// <summary>What the process waits for has come: the fault is resolved and counted. The access can be tried again.</summary>
    /// <param name="cpu">The CPU that acts.</param>
    /// <returns>
    /// How the fault ended: as without waiting; Minor where somebody else brought the page in, a signal where it is unmapped, cut off or cannot be
    /// read. <see cref="FaultResult.Blocked"/> where there still is no memory: call again later.
    /// </returns>
    /// <exception cref="InvalidOperationException">The process waits for nothing.</exception>
    public FaultResult CompleteFault(CpuId cpu)
    {
        if (WaitsFor == FaultWaitReason.None)
        {
            throw new InvalidOperationException($"process {Pid} waits for nothing");
        }

        StopWaiting();
        return FaultHandler.Complete(this, cpu, blockedAddress, blockedKind);
    }

    // exit and exec: nobody is left who waits.
    private void StopWaiting() => WaitsFor = FaultWaitReason.None;

    internal FaultResult Block(FaultWaitReason reason, VirtAddr address, AccessKind kind)
    {
        WaitsFor = reason;
        blockedAddress = address;
        blockedKind = kind;
        return FaultResult.Blocked;
    }
}
