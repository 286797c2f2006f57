using Mmsim.Fuzz;
using Mmsim.Scenario;
using Xunit;

namespace Engine.PropertyTests.Scenario;

/// <summary>What random scripts showed: answers of a Linux 6.18 kernel that the engine once gave otherwise; and system calls with any arguments.</summary>
public sealed class KernelAnswerTests
{
    [Theory]
    [InlineData("file F0 3|mmap R 12 r shared file F0 2|read R 3|pagemap R 0 12", "\"map\":\"............\"")]
    [InlineData("file F0 4|mmap R 12 r shared file F0 2|read R 3|pagemap R 0 12", "\"map\":\"FF..........\"")]
    [InlineData("shmfile F0 3|mmap R 12 r shared file F0 2|read R 3|pagemap R 0 12", "\"map\":\"F...........\"")]
    [InlineData("shmfile F0 8|mmap R 12 rw private file F0 0|write R 0 1|mmap L 8 rw shared file F0 0 locked|read R 1|fork P|P: obs", "\"ref\":0,", 7)]
    [InlineData("file F0 24|mmapany R 12 rw private file F0 0|truncate F0 3|writefile F0 6 47|fsync F0|read R 1|writefile F0 8 23|obs", "\"prc\":3,\"prd\":1,", 8)]
    [InlineData("file F0 8|mmap R 24 rw shared file F0 0|mmap L 12 rw shared file F0 0|punch F0 0 8|mlock L 0 12|readn R 1 7|pagemap R 0 10", "\"map\":\"ffffffff..\"")]
    [InlineData("mmapany R 16 rw private anon|munmap R 14 5|mmapany S 4 rw private anon", "\"at\":\"top-1\"")]
    [InlineData("file F 48|mmapany R 4 rw private anon populate|mmapat S R 2 4 rw private file F 0|fork P|P: fork Q|Q: readn R 3 4|Q: pt", "\"pages\":5")]
    public void A_kernel_answered_so(string script, string part, int line = 0)
    {
        List<string> lines = [];
        string[] words = script.Split('|');
        ScenarioRunner.Run("kernel", ScenarioParser.Parse("kernel", words), 1, lines.Add);
        string prefix = $"{{\"l\":{(line == 0 ? words.Length : line)},";
        Assert.Contains(lines, answer => answer.StartsWith(prefix, StringComparison.Ordinal) && answer.Contains(part, StringComparison.Ordinal));
    }

    [Fact]
    public void Any_calls_end_in_an_errno_or_a_signal_and_leave_all_structures_sound()
    {
        for (ulong seed = 1; seed <= 40; seed++)
        {
            FuzzResult result = new FuzzSyscalls().RunOne(seed);
            Assert.True(result.Failure is null, $"seed {seed}: {result.Failure}\n{result.Test}");
        }
    }
}
