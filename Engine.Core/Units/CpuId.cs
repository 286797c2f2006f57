using System.Globalization;

namespace Engine.Core.Units;

/// <summary>A simulated CPU, 0-based. It is always passed, never looked up from the host thread.</summary>
public readonly record struct CpuId
{
    internal readonly int Value;

    /// <summary>Wraps a CPU number.</summary>
    /// <param name="value">0-based.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="value"/> is negative.</exception>
    public CpuId(int value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        Value = value;
    }

    /// <summary>The CPU number as an integer.</summary>
    public int ToInt32() => Value;

    /// <summary>The number.</summary>
    public override string ToString() => Value.ToString(CultureInfo.InvariantCulture);
}
