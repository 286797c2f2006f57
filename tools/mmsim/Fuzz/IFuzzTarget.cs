namespace Mmsim.Fuzz;

/// <summary>Something that can be fuzzed: one subcommand of <c>mmsim fuzz</c>.</summary>
public interface IFuzzTarget
{
    /// <summary>The subcommand's name.</summary>
    public string Name { get; }

    /// <summary>Another name that it goes by, or null.</summary>
    public string? OtherName => null;

    /// <summary>One line for <c>--help</c>.</summary>
    public string Description { get; }

    /// <summary>Makes and runs one random sequence.</summary>
    /// <param name="seed">Decides everything about the sequence.</param>
    /// <returns>How many operations it had, and what went wrong: null when nothing did.</returns>
    public FuzzResult RunOne(ulong seed);
}
