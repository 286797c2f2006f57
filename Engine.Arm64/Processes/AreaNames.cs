namespace Engine.Arm64.Processes;

/// <summary>
/// The names that prctl(PR_SET_VMA_ANON_NAME) gave to VMAs, by the numbers that VMAs hold (<c>struct anon_vma_name</c>, mm/madvise.c). Equal names have
/// one number. Linux keeps a copy for each naming in a kmalloc object; here a name is kept once, outside the arena, for as long as the machine lives.
/// </summary>
public sealed class AreaNames
{
    /// <summary>The number that is no name.</summary>
    public const uint None = 0;

    private readonly List<string?> names = [null];
    private readonly Dictionary<string, uint> numbers = new(StringComparer.Ordinal);
    private readonly Lock gate = new();

    /// <summary>The name with a number.</summary>
    /// <returns>Null for <see cref="None"/>, and where no name has the number, as after the corruption of a VMA.</returns>
    public string? Find(uint number)
    {
        lock (gate)
        {
            return number < (uint)names.Count ? names[(int)number] : null;
        }
    }

    /// <summary>A name's number; a new one where the name is new.</summary>
    public uint GetNumber(string name)
    {
        lock (gate)
        {
            if (!numbers.TryGetValue(name, out uint number))
            {
                number = (uint)names.Count;
                names.Add(name);
                numbers.Add(name, number);
            }

            return number;
        }
    }
}
