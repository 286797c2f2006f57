using System.Globalization;
using System.Runtime.InteropServices;

namespace Engine.Bench.Harness;

/// <summary>Names the machine that the figures come from.</summary>
public static class HostDescription
{
    /// <summary>One line: processor, CPUs, memory, system, runtime.</summary>
    public static string Describe()
    {
        string memory = string.Create(CultureInfo.InvariantCulture, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30):0.#} GiB");
        return $"{Processor()}, {Environment.ProcessorCount} CPUs, {memory}, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, {BuildKind()}{(TieredProcess.IsThis ? ", compiled in tiers with a profile" : "")}";
    }

    private static string Processor()
    {
        const string CpuInfo = "/proc/cpuinfo";
        string architecture = RuntimeInformation.ProcessArchitecture.ToString();
        if (!File.Exists(CpuInfo))
        {
            return architecture;
        }

        Dictionary<string, string> facts = [];
        foreach (string line in File.ReadLines(CpuInfo))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
            {
                _ = facts.TryAdd(line[..colon].Trim(), line[(colon + 1)..].Trim());
            }
        }

        string name = facts.GetValueOrDefault("model name") ?? facts.GetValueOrDefault("CPU part") ?? architecture;
        bool hasModel = facts.TryGetValue("cpu family", out string? family) & facts.TryGetValue("model", out string? model);
        return hasModel ? $"{name} (family {family}, model {model})" : name;
    }

    private static string BuildKind()
    {
#if DEBUG
        return "Debug build (figures mean nothing)";
#else
        return "Release build";
#endif
    }
}
