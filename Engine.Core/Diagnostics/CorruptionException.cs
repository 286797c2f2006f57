namespace Engine.Core.Diagnostics;

/// <summary>Thrown at the first <see cref="Corruption"/> when the log is set to stop (the kernel's <c>panic_on_oops</c>).</summary>
public sealed class CorruptionException : Exception
{
    /// <summary>Creates an exception for a finding.</summary>
    /// <param name="corruption">What was found.</param>
    public CorruptionException(Corruption corruption)
        : base(corruption.ToString()) => Corruption = corruption;

    /// <summary>What was found.</summary>
    public Corruption Corruption { get; }
}
