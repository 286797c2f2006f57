using Xunit;

namespace Engine.PropertyTests.Support;

/// <summary>A test that asks this machine's kernel; it is skipped, with the reason, where that cannot be done.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class KernelOracleFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    public KernelOracleFactAttribute() => Skip = KernelOracle.Absent;
}
