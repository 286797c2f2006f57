using System.Runtime.InteropServices;

namespace Engine.Arm64.Kernel;

/// <summary>What an area is used for (<c>struct vm_struct</c>), in the arena.</summary>
[StructLayout(LayoutKind.Explicit, Size = SizeBytes)]
internal struct VmStruct
{
    /// <summary>Bytes of the structure, as in Linux.</summary>
    public const int SizeBytes = 64;

    /// <summary>First address.</summary>
    [FieldOffset(0)]
    public ulong Address;

    /// <summary>Length in bytes, guard page included.</summary>
    [FieldOffset(8)]
    public ulong LengthBytes;

    /// <summary><see cref="VmallocFlags"/>.</summary>
    [FieldOffset(16)]
    public uint Flags;

    /// <summary>log2 of the mapping size in bytes.</summary>
    [FieldOffset(20)]
    public int Shift;

    /// <summary>Physical address of the array of first frame numbers, 8 bytes each; 0 where the array is itself in vmalloc.</summary>
    [FieldOffset(24)]
    public ulong Pages;

    /// <summary>Kernel address of the array where it is in vmalloc; 0 elsewhere.</summary>
    [FieldOffset(32)]
    public ulong PagesAddress;

    /// <summary>Pages of 4 KiB that the area owns or maps.</summary>
    [FieldOffset(40)]
    public uint PageCount;

    /// <summary>Order of each block in the array.</summary>
    [FieldOffset(44)]
    public int PageOrder;

    /// <summary>Physical address of a device's range.</summary>
    [FieldOffset(48)]
    public ulong Physical;

    /// <summary>Kernel text address of the caller; 0 unknown.</summary>
    [FieldOffset(56)]
    public ulong Caller;
}
