using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Engine.Core.Diagnostics.Procfs;

namespace Engine.Arm64.Procfs;

/// <summary>The folders of processes in <c>/proc</c>.</summary>
/// <param name="machine">Whose processes.</param>
internal sealed class ProcessFolder(Machine machine) : IProcFolder
{
    private static readonly SortedDictionary<string, Func<Process, ProcFile>> Files = new(StringComparer.Ordinal)
    {
        ["auxv"] = process => new ProcBytesFile(() => process.AuxiliaryVector.ToArray()),
        ["cmdline"] = process => new ProcBytesFile(() => process.Peek(process.Memory.State.ArgStart, process.Memory.State.ArgEnd)),
        ["comm"] = process => new ProcTextFile(() => process.CommandName + "\n"),
        ["environ"] = process => new ProcBytesFile(() => process.Peek(process.Memory.State.EnvStart, process.Memory.State.EnvEnd)),
        ["maps"] = process => new ProcTextFile(() => MapsText.Format(process)),
        ["pagemap"] = process => new PageMapFile(process),
        ["smaps"] = process => new ProcTextFile(() => SmapsText.Format(process)),
        ["smaps_rollup"] = process => new ProcTextFile(() => SmapsText.FormatRollup(process)),
        ["stat"] = process => new ProcTextFile(() => StatText.Format(process)),
        ["statm"] = process => new ProcTextFile(() => StatusText.FormatStatm(process)),
        ["status"] = process => new ProcTextFile(() => StatusText.Format(process)),
    };

    public IEnumerable<string> Names =>
        machine.Processes.SelectMany(process => Files.Keys.Select(name => string.Create(CultureInfo.InvariantCulture, $"{process.Pid}/{name}")));

    public bool TryOpen(string name, [NotNullWhen(true)] out ProcFile? file)
    {
        file = null;
        int slash = name.IndexOf('/', StringComparison.Ordinal);
        if (slash < 0
            || !int.TryParse(name.AsSpan(0, slash), NumberStyles.None, CultureInfo.InvariantCulture, out int pid)
            || machine.TryFindProcess(pid) is not { } process
            || !Files.TryGetValue(name[(slash + 1)..], out Func<Process, ProcFile>? open))
        {
            return false;
        }

        file = open(process);
        return true;
    }
}
