using Engine.Arm64.Translation;
using Engine.Core.Units;

namespace Engine.PropertyTests.Translation;

/// <summary>
/// Memory whose every word is a random descriptor, made from its address when it is first read: random tables without end.
/// Parts are missing. Updates are kept; now and then another agent changes the word just before an update.
/// </summary>
internal struct HashedMemory : ITableMemory
{
    private const ulong AgentKey = 0x9E37_79B9_7F4A_7C15UL;

    private readonly Dictionary<ulong, ulong> written = [];
    private readonly ulong seed;
    private readonly int agentOneIn;
    private int updates;

    public HashedMemory(ulong seed, int agentOneIn)
    {
        this.seed = seed;
        this.agentOneIn = agentOneIn;
    }

    /// <summary>Reads so far.</summary>
    public int Reads { get; private set; }

    /// <summary>What updates left.</summary>
    public readonly IReadOnlyDictionary<ulong, ulong> Written => written;

    public bool TryRead(PhysAddr address, out ulong value)
    {
        ulong at = address.ToUInt64();
        if ((at & 7) != 0 || at >> 52 != 0)
        {
            throw new InvalidOperationException($"a descriptor at {address}");
        }

        Reads++;

        // One 4 KiB page in 16 is missing.
        if (Mix(seed ^ (at >> 12)) % 16 == 0)
        {
            value = 0;
            return false;
        }

        value = written.TryGetValue(at, out ulong changed) ? changed : Shape(Mix(seed + at), Mix(seed ^ ~at));
        return true;
    }

    public bool TryCompareExchange(PhysAddr address, ulong expected, ulong replacement, out ulong found)
    {
        ulong at = address.ToUInt64();
        updates++;
        if (!TryRead(address, out found) || Mix(seed - at) % 32 == 0)
        {
            return false;
        }

        if (agentOneIn > 0 && Mix(seed ^ ((ulong)updates * AgentKey)) % (ulong)agentOneIn == 0)
        {
            found = Shape(Mix(found), Mix(~found));
            written[at] = found;
        }

        if (found == expected)
        {
            written[at] = replacement;
        }

        return true;
    }

    /// <summary>SplitMix64's output function.</summary>
    public static ulong Mix(ulong x)
    {
        unchecked
        {
            x += 0x9E37_79B9_7F4A_7C15UL;
            x = (x ^ (x >> 30)) * 0xBF58_476D_1CE4_E5B9UL;
            x = (x ^ (x >> 27)) * 0x94D0_49BB_1331_11EBUL;
            return x ^ (x >> 31);
        }
    }

    // Mostly descriptors that lead on: tables and blocks with the access flag and an address in range; some are pure garbage.
    private static ulong Shape(ulong random, ulong choice)
    {
        if (choice % 32 == 0)
        {
            return random;
        }

        ulong type = ((choice >> 8) & 15) switch { < 10 => 3UL, < 13 => 1UL, 13 => 0UL, 14 => 2UL, _ => 3UL };
        ulong value = (random & ~3UL) | type;
        value |= ((choice >> 16) & 7) != 0 ? 1UL << 10 : 0;

        // Upper address bits are mostly clear, so that all output sizes are met.
        ulong keptBits = ((choice >> 20) & 7) switch { 0 => 52, 1 => 48, 2 => 44, 3 => 40, 4 => 36, _ => 32 };
        if (keptBits < 52)
        {
            ulong cleared = ((1UL << 48) - 1) & ~((1UL << (int)Math.Min(keptBits, 48)) - 1);
            value &= ~cleared & ~(3UL << 48);
            value = ((choice >> 24) & 3) == 0 ? value : value & ~(0xFUL << 12) & ~(3UL << 8);
        }

        // Restrictions of tables are rare, or nothing would be permitted.
        return ((choice >> 28) & 3) == 0 ? value : value & ~(0x1FUL << 59);
    }
}
