namespace Engine.Arm64.HugePages;

/// <summary>How sysfs shows a setting that is one of several words.</summary>
internal static class SysfsChoice
{
    /// <summary>All words, the chosen one in brackets, and an end of line.</summary>
    public static string Show(ReadOnlySpan<string> names, string chosen)
    {
        List<string> words = [];
        foreach (string name in names)
        {
            words.Add(name == chosen ? $"[{name}]" : name);
        }

        return string.Join(' ', words) + "\n";
    }
}
