using Mmsim.Traces.Pages;

namespace Mmsim.Traces.Binary;

/// <summary>What a binary trace says before its records.</summary>
/// <param name="Counts">Records by kind.</param>
/// <param name="Pages">The use of pages.</param>
/// <param name="Syscalls">The system calls.</param>
internal sealed record BinaryTraceHead(RecordCounts Counts, PageUse Pages, IReadOnlyList<SyscallEvent> Syscalls);
