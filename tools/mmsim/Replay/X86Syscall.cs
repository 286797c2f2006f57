namespace Mmsim.Replay;

/// <summary>The system calls of a traced x86-64 program that shape its address space, by number (arch/x86/entry/syscalls/syscall_64.tbl).</summary>
internal static class X86Syscall
{
    public const uint Open = 2;
    public const uint Close = 3;
    public const uint Mmap = 9;
    public const uint Mprotect = 10;
    public const uint Munmap = 11;
    public const uint Brk = 12;
    public const uint Mremap = 25;
    public const uint Msync = 26;
    public const uint Madvise = 28;
    public const uint Shmat = 30;
    public const uint Dup = 32;
    public const uint Dup2 = 33;
    public const uint Shmdt = 67;
    public const uint Mlock = 149;
    public const uint Munlock = 150;
    public const uint Openat = 257;
    public const uint Dup3 = 292;
    public const uint Mlock2 = 325;
    public const uint PkeyMprotect = 329;
}
