namespace Engine.Core.Units;

/// <summary>Whose rules apply, where releases of Linux differ.</summary>
public enum KernelRelease
{
    /// <summary>Linux 6.9.</summary>
    Linux69,

    /// <summary>Linux 6.18.</summary>
    Linux618,
}
