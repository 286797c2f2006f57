using Engine.Arm64.PageTables;
using Engine.Arm64.Tlb;

namespace Engine.Arm64;

/// <content>The checking mode for page tables (<see cref="MachineOptions.TableChecks"/>).</content>
public sealed partial class Machine
{
    private readonly List<TlbFinding> tableFindings = [];

    /// <summary>What the checks of page tables have found so far, oldest first; empty where they are off.</summary>
    public IReadOnlyList<TlbFinding> TableFindings
    {
        get
        {
            lock (tableFindings)
            {
                return [.. tableFindings];
            }
        }
    }

    /// <summary>Looks for changes that no invalidation has followed yet. Without <see cref="MachineOptions.TableChecks"/> it does nothing. No CPU may be acting.</summary>
    public void CheckTables()
    {
        foreach (Process process in processes)
        {
            process.Space.Watch?.Observe();
        }
    }

    /// <summary>A watch over an address space's tables, or null where the checks are off.</summary>
    internal TableWatch<Granule4K>? WatchTables(PageTable tables) =>
        Options.TableChecks is { } support ? new TableWatch<Granule4K>(Memory, tables, support, NoteTableFinding) : null;

    // Address spaces of different CPUs may be changed by different threads.
    private void NoteTableFinding(TlbFinding finding)
    {
        lock (tableFindings)
        {
            tableFindings.Add(finding);
        }
    }
}
