using Engine.Arm64.Exec;
using Engine.PropertyTests.Support;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Exec;

/// <summary>Whatever a file says, exec gives an errno.</summary>
public sealed class ExecFuzzTests
{
    private static readonly Gen<(int Where, ulong Value, int Bytes)> Change =
        from place in Gen.Choose(0, 64 + (5 * 56) - 8)
        from value in Gen.OneOf(
            Gen.Choose(0, 0x20000).Select(small => (ulong)small),
            Gen.Choose(-0x10000, -1).Select(negative => unchecked((ulong)negative)),
            Gen.Choose(-0x3000, 0x3000).Select(near => unchecked((1ul << 48) + (ulong)near)),
            Gen.Choose(0, 63).Select(bit => 1ul << bit))
        from bytes in Gen.Elements(1, 2, 4, 8)
        select (place, value, bytes);

    [Fact]
    public void Damaged_headers_end_in_an_errno() => ModelProperty.Check(Change, Run, tests: 120, length: 5);

    private static void Run(IReadOnlyList<(int Where, ulong Value, int Bytes)> changes)
    {
        using ExecWorld world = new(16 << 20);
        byte[] program = ElfBuilder.Usual().Build();
        byte[] linker = ElfBuilder.Usual(null).Build();
        for (int i = 0; i < changes.Count; i++)
        {
            (int place, ulong value, int bytes) = changes[i];
            BitConverter.GetBytes(value).AsSpan(0, bytes).CopyTo((i % 3 == 2 ? linker : program).AsSpan(place));
        }

        world.Linker.Mapping.Write(world.Cpu, 0, linker, out _);
        ExecResult result = world.Exec(program, new ExecOptions { Seed = (ulong)changes.Count });
        if (result.Errno == Arm64.Processes.Errno.None)
        {
            world.ReadStack(result.StackPointer);
        }

        world.Verify();
    }
}
