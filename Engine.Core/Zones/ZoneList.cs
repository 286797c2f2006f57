// In which order an allocation tries the zones (mm/page_alloc.c: build_zonelists, find_next_best_node).
//
// Node by node, the nearest first, and within a node from the highest zone down. The distance to a node is raised a little
// for nodes with lower numbers and for nodes with CPUs, and equally distant nodes take turns, so that not every node falls
// back to the same neighbour.

namespace Engine.Core.Zones;

/// <summary>Builds the zonelists of all nodes.</summary>
public static class ZoneList
{
    /// <summary>A node's distance to itself (<c>LOCAL_DISTANCE</c>).</summary>
    public const int LocalDistance = 10;

    /// <summary>The usual distance to another node (<c>REMOTE_DISTANCE</c>).</summary>
    public const int RemoteDistance = 20;

    // MAX_NUMNODES of the arm64 configuration (CONFIG_NODES_SHIFT=4): the factor that keeps the load below the distance.
    private const int NodesMax = 16;

    /// <summary>For each node the nodes with memory in the order in which they are tried.</summary>
    /// <param name="hasMemory">By node: whether it has a populated zone.</param>
    /// <param name="hasCpus">By node: whether it has CPUs.</param>
    /// <param name="distance">Distance from a node to another, <see cref="LocalDistance"/> and up.</param>
    public static int[][] OrderNodes(ReadOnlySpan<bool> hasMemory, ReadOnlySpan<bool> hasCpus, Func<int, int, int> distance)
    {
        int[] load = new int[hasMemory.Length];
        int[][] result = new int[hasMemory.Length][];
        for (int local = 0; local < hasMemory.Length; local++)
        {
            List<int> order = [];
            bool[] isUsed = new bool[hasMemory.Length];
            int previous = local;
            int next;
            while ((next = FindNext(local, isUsed, load, hasMemory, hasCpus, distance)) >= 0)
            {
                // The first node of each new distance bears the load of those behind it.
                if (distance(local, next) != distance(local, previous))
                {
                    load[next]++;
                }

                isUsed[next] = true;
                order.Add(next);
                previous = next;
            }

            result[local] = [.. order];
        }

        return result;
    }

    /// <summary>The zones of a node order, highest first within each node.</summary>
    public static Zone[] Flatten(IReadOnlyList<Zone> zones, ReadOnlySpan<int> nodes)
    {
        List<Zone> list = [];
        foreach (int node in nodes)
        {
            list.AddRange(zones.Where(zone => zone.Node == node && zone.ManagedPages > 0).OrderByDescending(zone => zone.Type));
        }

        return [.. list];
    }

    private static int FindNext(
        int local, bool[] isUsed, int[] load, ReadOnlySpan<bool> hasMemory, ReadOnlySpan<bool> hasCpus, Func<int, int, int> distance)
    {
        if (!isUsed[local] && hasMemory[local])
        {
            return local;
        }

        int best = -1;
        int least = int.MaxValue;
        for (int node = 0; node < hasMemory.Length; node++)
        {
            if (isUsed[node] || !hasMemory[node])
            {
                continue;
            }

            int value = distance(local, node) + (node < local ? 1 : 0) + (hasCpus[node] ? 1 : 0);
            value = (value * NodesMax) + load[node];
            if (value < least)
            {
                least = value;
                best = node;
            }
        }

        return best;
    }
}
