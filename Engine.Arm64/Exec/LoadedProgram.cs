using Engine.Arm64.Units;

namespace Engine.Arm64.Exec;

/// <summary>Where a program was loaded. Addresses as the file gave them, so they may be any.</summary>
internal struct LoadedProgram
{
    public ulong Entry;
    public ulong EntryPoint;
    public ulong ProgramHeaders;
    public int ProgramHeaderCount;
    public ulong InterpreterBase;
    public ulong StartCode;
    public ulong EndCode;
    public ulong StartData;
    public ulong EndData;
    public ulong EndBss;
    public VirtAddr Vdso;
}
