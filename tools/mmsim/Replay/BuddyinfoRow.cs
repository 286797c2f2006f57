namespace Mmsim.Replay;

/// <summary>One line of <c>/proc/buddyinfo</c>.</summary>
/// <param name="Node">The NUMA node.</param>
/// <param name="Zone">The zone's name.</param>
/// <param name="FreeBlocks">Free blocks of each order, 0 first.</param>
internal sealed record BuddyinfoRow(int Node, string Zone, IReadOnlyList<ulong> FreeBlocks);
