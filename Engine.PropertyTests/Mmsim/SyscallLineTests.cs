using System.Text;
using Mmsim.Traces;
using Mmsim.Traces.Lackey;
using Xunit;

namespace Engine.PropertyTests.MmsimTests;

/// <summary>System calls, from the lines that valgrind prints about them.</summary>
public sealed class SyscallLineTests
{
    [Theory]
    [InlineData("SYSCALL[7,1](9) sys_mmap ( 0x0, 8192, 3, 34, 4294967295, 0 ) --> [pre-success] Success(0x4835000) ", "mmap(0x0, 0x2000, 0x3, 0x22, 0xffffffff, 0x0) = Success 0x4835000 before record 5", null)]
    [InlineData("SYSCALL[7,1](9) sys_mmap ( 0x0, 67108864, 3, 34, -1, 0 ) --> [pre-success] Success(0x4800000) ", "mmap(0x0, 0x4000000, 0x3, 0x22, 0xffffffffffffffff, 0x0) = Success 0x4800000 before record 5", null)]
    [InlineData("SYSCALL[7,1](21) sys_access ( 0x402a2a0(/etc/ld.so.preload), 4 )[sync] --> Failure(0x2) ", "access(0x402a2a0, 0x4) = Failure 0x2 before record 5", "/etc/ld.so.preload")]
    [InlineData("SYSCALL[7,1](262) sys_newfstatat ( 4, 0x4029c99(), 0x1ffefff220 )[sync] --> Success(0x0) ", "newfstatat(0x4, 0x4029c99, 0x1ffefff220) = Success 0x0 before record 5", "")]
    [InlineData("SYSCALL[7,1](2) sys_open ( 0x10(/a, b (c)), 0 )[sync] --> Success(0x3) ", "open(0x10, 0x0) = Success 0x3 before record 5", "/a, b (c)")]
    [InlineData("SYSCALL[7,1](158) arch_prctl ( 4098, 4d14740 ) --> [pre-success] Success(0x0) ", "arch_prctl(0x1002, 0x4d14740) = Success 0x0 before record 5", null)]
    [InlineData("SYSCALL[7,1](39) sys_getpid ()[sync] --> Success(0x662e) ", "getpid() = Success 0x662e before record 5", null)]
    [InlineData("SYSCALL[7,1](72) sys_fcntl[ARG3=='lock'] ( 4, 6, 0x1ffeffe5a0 )[sync] --> Success(0x0) ", "fcntl(0x4, 0x6, 0x1ffeffe5a0) = Success 0x0 before record 5", null)]
    [InlineData("SYSCALL[7,1](231) exit_group( 0 ) --> [pre-success] Success(0x0) ", "exit_group(0x0) = Success 0x0 before record 5", null)]
    public void A_whole_call_is_read(string line, string expected, string? path)
    {
        SyscallEvent call = Assert.Single(Pair((line, 5)));
        Assert.Equal(expected, call.ToString());
        Assert.Equal(path, call.Path);
    }

    [Fact]
    public void A_call_that_blocks_takes_effect_where_it_ends_with_the_arguments_of_its_start()
    {
        SyscallEvent[] calls = Pair(
            ("SYSCALL[7,1](28) sys_madvise ( 0x5000000, 8388608, 4 ) --> [async] ... ", 10),
            ("SYSCALL[7,2](3) sys_close ( 4 )[sync] --> Success(0x0) ", 12),
            ("SYSCALL[7,2](0) sys_read ( 4, 0x1000, 832 ) --> [async] ... ", 13),
            ("SYSCALL[7,1](28) ... [async] --> Success(0x0) ", 15),
            ("SYSCALL[7,2](0) ... [async] --> Failure(0x9) ", 20));
        Assert.Equal(
            ["close(0x4) = Success 0x0 before record 12", "madvise(0x5000000, 0x800000, 0x4) = Success 0x0 before record 15", "read(0x4, 0x1000, 0x340) = Failure 0x9 before record 20"],
            calls.Select(call => call.ToString()));
        Assert.Equal([2u, 1u, 2u], calls.Select(call => call.Thread));
    }

    [Fact]
    public void A_result_on_a_line_of_its_own_belongs_to_the_call_before()
    {
        SyscallEvent call = Assert.Single(Pair(
            ("SYSCALL[7,1](334) unimplemented (by the kernel) syscall: 334! (ni_syscall)", 3),
            (" --> [pre-fail] Failure(0x26) ", 3)));
        Assert.Equal((334u, "", SyscallOutcome.Failure, 0x26UL), (call.Number, call.Name, call.Outcome, call.Result));
    }

    [Fact]
    public void A_call_that_never_ends_is_unfinished()
    {
        SyscallPairing pairing = new();
        Assert.Null(pairing.Add(Parse("SYSCALL[7,1](202) sys_futex ( 0x10, 0 ) --> [async] ... ", 1), 1));
        SyscallEvent call = Assert.Single(pairing.Unfinished(9));
        Assert.Equal((SyscallOutcome.Unfinished, 9L, 202u), (call.Outcome, call.RecordIndex, call.Number));
    }

    [Theory]
    [InlineData("SYSCALL[7,1]")]
    [InlineData("SYSCALL[x,1](9) sys_mmap")]
    [InlineData("=26158== x")]
    [InlineData("==26158= x")]
    [InlineData("==x== y")]
    [InlineData("hello")]
    [InlineData("")]
    public void Anything_else_is_no_line_of_a_log(string line) => Assert.Null(SyscallLine.Parse(Encoding.UTF8.GetBytes(line), 0));

    private static SpecialLine Parse(string line, int record) => SyscallLine.Parse(Encoding.UTF8.GetBytes(line), record)!;

    private static SyscallEvent[] Pair(params (string Line, int Record)[] lines)
    {
        SyscallPairing pairing = new();
        return [.. lines.Select(line => pairing.Add(Parse(line.Line, line.Record), line.Record)).OfType<SyscallEvent>()];
    }
}
