namespace Engine.Arm64.Kernel.Map;

/// <summary>The boot parameter <c>rodata=</c>: how far read-only data is protected, and with it how the linear map is built.</summary>
public enum RodataMode
{
    /// <summary>Also the linear map can be changed page by page (<c>rodata_full</c>), so that it is made of single pages: Linux's default.</summary>
    Full,

    /// <summary>Text and read-only data are read-only; the linear map has blocks and contiguous runs.</summary>
    On,

    /// <summary>Text and read-only data stay writable, for debuggers; the linear map has blocks and contiguous runs.</summary>
    Off,
}
