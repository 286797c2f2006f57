using System.Globalization;
using Engine.Bench.Harness;

namespace Engine.Bench.UserAccess;

/// <summary>Copies between the kernel and a process on mapped pages, beside a plain copy of the same bytes.</summary>
public sealed class UserAccessSuite : ISuite
{
    /// <inheritdoc/>
    public string Name => "useraccess";

    /// <inheritdoc/>
    public string Description => "copy_to_user and its kin on mapped pages beside memcpy, ns per call.";

    /// <inheritdoc/>
    public void Run(SuiteContext context)
    {
        foreach (int size in new[] { 64, 4096 })
        {
            string label = size.ToString(CultureInfo.InvariantCulture);
            _ = context.Measure(
                new WorkloadCase("copy-to-user", label, "64M", 1, () => new UserCopyWorkload("to", size)),
                new WorkloadCase("memcpy", label, "64M", 1, () => new UserCopyWorkload("plain", size)),
                new WorkloadCase("copy-from-user", label, "64M", 1, () => new UserCopyWorkload("from", size)),
                new WorkloadCase("clear-user", label, "64M", 1, () => new UserCopyWorkload("clear", size)));
        }
    }
}
