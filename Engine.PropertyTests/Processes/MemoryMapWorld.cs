using Engine.Arm64.Processes;
using Engine.Arm64.Units;
using Xunit;

namespace Engine.PropertyTests.Processes;

/// <summary>
/// An address space beside a map from page to what is there. As long as no private page was made, neighbouring pages belong to
/// one VMA exactly where flags, file and offset go on: so the model knows the VMAs too.
/// </summary>
internal sealed class MemoryMapWorld : IDisposable
{
    public const ulong PageBytes = 4096;
    public const int PagesMax = 64;
    private const ulong BasePage = 0x1_0000;
    private const VmFlags May = VmFlags.MayRead | VmFlags.MayWrite | VmFlags.MayExec;

    private static readonly MemoryProtection[] Protections =
        [MemoryProtection.None, MemoryProtection.Read, MemoryProtection.Read | MemoryProtection.Write];

    private readonly SortedDictionary<int, PageState> model = [];
    private readonly PageRecorder pages = new();
    private readonly ArenaFixture arena = new(16UL << 20);
    private int lastToken;

    public MemoryMapWorld(MemoryMapOptions options)
    {
        Commit = new CommitAccounting(arena.Pages);
        AnonVmas anonVmas = new(arena.Caches);
        Assert.True(MemoryMap.TryCreate(
            ArenaFixture.Cpu, arena.Caches, anonVmas, Commit, options, ResourceLimits.CreateRoot(), pages, out MemoryMap? memory));
        Memory = memory;
        pages.Map = memory;
        memory.SetStartBrk(new VirtAddr(0x5555_0000_0000));
    }

    public CommitAccounting Commit { get; }

    public MemoryMap Memory { get; }

    public string Findings => string.Join("; ", arena.Log.Items);

    public static VirtAddr At(int page) => new((BasePage + (ulong)page) * PageBytes);

    public SyscallResult Map(int page, int count, MemoryProtection protection, MapFlags flags, uint file = 0, int offset = 0) =>
        Memory.Map(
            ArenaFixture.Cpu,
            At(page),
            (ulong)count * PageBytes,
            protection,
            flags | MapFlags.Private | (file == 0 ? MapFlags.Anonymous : MapFlags.None),
            new MappedFile(file, MappedFileModes.ReadWrite),
            (ulong)offset * PageBytes);

    public ulong MapAnywhere(ulong count, MapFlags flags) =>
        Memory.Map(
            ArenaFixture.Cpu, default, count * PageBytes, MemoryProtection.Read, flags | MapFlags.Private | MapFlags.Anonymous, MappedFile.None, 0).Value;

    public void Apply(MemoryMapCall call, int page, int count, int other)
    {
        MemoryProtection protection = Protections[other % Protections.Length];
        ulong length = (ulong)count * PageBytes;
        Errno whole = Enumerable.Range(page, count).All(model.ContainsKey) ? Errno.None : Errno.ENOMEM;
        switch (call)
        {
            case MemoryMapCall.MapPrivate or MemoryMapCall.MapFile:
                uint file = call == MemoryMapCall.MapFile ? 1u + (uint)(other % 2) : 0;
                Assert.False(Map(page, count, protection, MapFlags.Fixed, file, page).IsError);
                SetMapped(page, count, protection, file);
                break;
            case MemoryMapCall.MapNoReplace:
                bool isTaken = Enumerable.Range(page, count).Any(model.ContainsKey);
                Assert.Equal(isTaken ? Errno.EEXIST : Errno.None, Map(page, count, protection, MapFlags.FixedNoReplace).Errno);
                SetMapped(page, isTaken ? 0 : count, protection, 0);
                break;
            case MemoryMapCall.Unmap:
                Assert.Equal(Errno.None, Memory.Unmap(ArenaFixture.Cpu, At(page), length).Errno);
                Remove(page, count);
                break;
            case MemoryMapCall.Protect:
                Assert.Equal(whole, Memory.Protect(ArenaFixture.Cpu, At(page), length, protection).Errno);
                ChangeUpToHole(page, count, state => ProtectState(state, protection));
                break;
            case MemoryMapCall.Advise:
                Assert.Equal(whole, Memory.Advise(ArenaFixture.Cpu, At(page), length, MemoryAdvice.DontFork).Errno);
                ChangeAll(page, count, state => state with { Flags = state.Flags | VmFlags.DontCopy });
                break;
            case MemoryMapCall.Lock:
                Assert.Equal(whole, Memory.Lock(ArenaFixture.Cpu, At(page), length, isOnFault: true).Errno);
                ChangeUpToHole(page, count, state => state with { Flags = state.Flags | VmFlags.LockedMask });
                break;
            case MemoryMapCall.Unlock:
                Assert.Equal(whole, Memory.Unlock(ArenaFixture.Cpu, At(page), length).Errno);
                ChangeUpToHole(page, count, state => state with { Flags = state.Flags & ~VmFlags.LockedMask });
                break;
            case MemoryMapCall.Move:
                Move(page, count, other);
                break;
            case MemoryMapCall.Shrink:
                Errno shrunk = Memory.Remap(ArenaFixture.Cpu, At(page), length + PageBytes, length, RemapFlags.None, default).Errno;
                Assert.Equal(model.ContainsKey(page) ? Errno.None : Errno.EFAULT, shrunk);
                Remove(page + count, model.ContainsKey(page) ? 1 : 0);
                break;
            case MemoryMapCall.DontNeed:
                Assert.Equal(whole, Memory.Advise(ArenaFixture.Cpu, At(page), length, MemoryAdvice.DontNeedLocked).Errno);
                ChangeAll(page, count, state => state with { Token = 0 });
                break;
            default:
                Touch(page);
                break;
        }
    }

    public void Plant(string bug)
    {
        VmAreaRef first = Memory.Areas.First;
        if (first.IsNone)
        {
            return;
        }

        switch (bug)
        {
            case "flags":
                Memory.Areas[first].Flags ^= VmFlags.DontDump;
                break;
            case "offset":
                Memory.Areas[first].PageOffset++;
                break;
            case "count":
                Memory.State.TotalPages++;
                break;
            default:
                pages.ForgetsUnmap = true;
                break;
        }
    }

    public void Compare()
    {
        Assert.True(Memory.Verify(), Findings);
        List<(int Start, int Count, PageState State)> expected = [];
        foreach ((int page, PageState state) in model)
        {
            if (expected.Count > 0 && expected[^1] is var last && last.Start + last.Count == page && GoesOn(last.State, state, last.Count))
            {
                expected[^1] = last with { Count = last.Count + 1 };
            }
            else
            {
                expected.Add((page, 1, state with { Token = 0 }));
            }
        }

        List<(int Start, int Count, PageState State)> actual = [];
        for (VmAreaRef area = Memory.Areas.First; !area.IsNone; area = Memory.Areas.NextOf(area))
        {
            VmArea content = Memory.Areas[area];
            int start = (int)((content.Start.ToUInt64() / PageBytes) - BasePage);
            actual.Add((start, (int)content.PageCount, new PageState(content.Flags, content.File, content.PageOffset, 0)));
        }

        Assert.Equal(expected, actual);
        Assert.Equal(
            model.Where(pair => pair.Value.Token != 0).Select(pair => (pair.Key, pair.Value.Token)),
            pages.Tokens.Select(pair => ((int)(pair.Key - BasePage), pair.Value)));
        Assert.Equal(model.Count(pair => (pair.Value.Flags & VmFlags.Account) != 0), Commit.CommittedPages);
        Assert.Equal(actual.Count(run => run.State.File != 0), pages.FileUses.Values.Sum());
    }

    public void Dispose() => arena.Dispose();

    private static bool GoesOn(PageState first, PageState next, int distance) =>
        first.Flags == next.Flags && first.File == next.File && first.Offset + (ulong)distance == next.Offset;

    private static VmFlags FlagsOf(MemoryProtection protection) =>
        (VmFlags)protection | May | ((protection & MemoryProtection.Write) != 0 ? VmFlags.Account : 0);

    // Becoming writable is charged; the charge of anonymous memory without pages goes back when it is read-only again.
    private static PageState ProtectState(PageState state, MemoryProtection protection)
    {
        VmFlags flags = (state.Flags & ~VmFlags.Access) | (VmFlags)protection;
        bool isRefunded = state.File == 0 && flags != state.Flags;
        bool isWritable = (protection & MemoryProtection.Write) != 0;
        return state with { Flags = isWritable ? flags | VmFlags.Account : isRefunded ? flags & ~VmFlags.Account : flags };
    }

    private void SetMapped(int page, int count, MemoryProtection protection, uint file)
    {
        for (int i = page; i < page + count; i++)
        {
            model[i] = new PageState(FlagsOf(protection), file, file == 0 ? BasePage + (ulong)i : (ulong)i, 0);
        }
    }

    private void Remove(int page, int count)
    {
        for (int i = page; i < page + count; i++)
        {
            model.Remove(i);
        }
    }

    private void ChangeAll(int page, int count, Func<PageState, PageState> change)
    {
        for (int i = page; i < page + count; i++)
        {
            if (model.TryGetValue(i, out PageState state))
            {
                model[i] = change(state);
            }
        }
    }

    private void ChangeUpToHole(int page, int count, Func<PageState, PageState> change) =>
        ChangeAll(page, Enumerable.Range(page, count).TakeWhile(model.ContainsKey).Count(), change);

    // Several VMAs move together, the holes between them included; what was at the target goes.
    private void Move(int page, int count, int target)
    {
        bool overlaps = page < target + count && target < page + count;
        SyscallResult result = Memory.Remap(
            ArenaFixture.Cpu, At(page), (ulong)count * PageBytes, (ulong)count * PageBytes, RemapFlags.MayMove | RemapFlags.Fixed, At(target));
        Assert.Equal(overlaps ? Errno.EINVAL : model.ContainsKey(page) ? Errno.None : Errno.EFAULT, result.Errno);
        if (result.IsError)
        {
            return;
        }

        List<(int Page, PageState State)> moved = [];
        for (int i = 0; i < count; i++)
        {
            if (model.Remove(page + i, out PageState state))
            {
                moved.Add((target + i, state with { Offset = state.File == 0 ? BasePage + (ulong)(target + i) : state.Offset }));
            }
        }

        // The target of each VMA is cleared, not the holes between them.
        moved.ForEach(pair => model[pair.Page] = pair.State);
    }

    private void Touch(int page)
    {
        if (model.TryGetValue(page, out PageState state))
        {
            model[page] = state with { Token = ++lastToken };
            pages.Tokens[BasePage + (ulong)page] = lastToken;
        }
    }

    private readonly record struct PageState(VmFlags Flags, uint File, ulong Offset, int Token);
}
