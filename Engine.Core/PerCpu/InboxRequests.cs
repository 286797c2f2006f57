namespace Engine.Core.PerCpu;

/// <summary>What another CPU asks the owner of a page list to do; set by one atomic OR, served at the owner's next operation.</summary>
[Flags]
internal enum InboxRequests
{
    /// <summary>Nothing.</summary>
    None = 0,

    /// <summary>Give every page back to the free area.</summary>
    Drain = 1,
}
