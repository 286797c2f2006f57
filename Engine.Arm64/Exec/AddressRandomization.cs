namespace Engine.Arm64.Exec;

/// <summary>What exec places at random (<c>kernel.randomize_va_space</c>).</summary>
public enum AddressRandomization
{
    /// <summary>0: nothing (also personality(ADDR_NO_RANDOMIZE)).</summary>
    Off = 0,

    /// <summary>1: stack, mappings, vDSO, position-independent programs.</summary>
    WithoutHeap = 1,

    /// <summary>2: the heap as well; Linux's default.</summary>
    Full = 2,
}
