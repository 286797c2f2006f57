using Engine.Core.Diagnostics;
using Engine.Core.Slab;
using Engine.Core.Units;
using Engine.PropertyTests.Support;
using FsCheck.Fluent;
using Xunit;

namespace Engine.PropertyTests.Slab;

/// <summary>Debug options: planted damage is found, in the kernel's words, and contained.</summary>
public sealed class SlabDebugTests
{
    private const SlabFlags All = SlabFlags.ConsistencyChecks | SlabFlags.RedZone | SlabFlags.Poison | SlabFlags.StoreUser;
    private static readonly CpuId Cpu = new(0);

    [Theory]
    [InlineData(SlabFlags.ConsistencyChecks)]
    [InlineData(SlabFlags.RedZone)]
    [InlineData(SlabFlags.Poison)]
    [InlineData(SlabFlags.StoreUser)]
    [InlineData(All)]
    public void Checked_caches_keep_the_model(SlabFlags flags) =>
        ModelProperty.Check(
            SlabStep.Any(4),
            steps =>
            {
                using SlabMachine machine = new(4, new SlabOptions { Debug = flags });
                SlabCache cache = machine.System.Create("checked", 60, 16);
                SlabModel model = new(machine, cache);
                foreach (SlabStep step in steps)
                {
                    model.Run(step);
                }

                model.Verify();
                _ = cache.Validate();
                model.FreeAll(new CpuId(3));
                model.Verify();
                Assert.True(cache.Destroy(Cpu));
                Assert.Equal(0, machine.Log.Count);
            },
            tests: 15,
            length: 30);

    /// <summary>A byte outside a live object, or anywhere in a free one, is found at the next free or allocation.</summary>
    [Fact]
    public void Any_overrun_and_any_use_after_free_is_found() =>
        ModelProperty.Check(
            from isFree in Gen.Elements(true, false)
            from size in Gen.Choose(1, 200)
            from offset in Gen.Choose(0, 1000)
            from value in Gen.Choose(0, 255)
            select (isFree, size, offset, value: (byte)value),
            plans =>
            {
                foreach ((bool isFree, int size, int offset, byte value) in plans.Take(3))
                {
                    Plant(isFree, size, offset, value);
                }
            },
            tests: 60,
            length: 3);

    [Fact]
    public void Damage_gets_the_kernels_words()
    {
        Assert.Equal("Right Redzone overwritten", Damage((memory, address) => memory[64] = 1, frees: true));
        Assert.Equal("Left Redzone overwritten", Damage((memory, address) => memory[-1] = 1, frees: true));
        Assert.Equal("Poison overwritten", Damage((memory, address) => memory[10] = 1, frees: false));
        Assert.Equal("End Poison overwritten", Damage((memory, address) => memory[63] = 1, frees: false));
    }

    [Fact]
    public void The_report_is_the_kernels()
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = SlabFlags.ConsistencyChecks | SlabFlags.RedZone });
        SlabCache cache = machine.System.Create("TestSlub_RZ_alloc", 64);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        machine.Memory.GetSpan(address, 64).Fill(0x41);
        machine.Memory.GetSpan(address + 64, 1)[0] = 0x12;
        cache.Free(Cpu, address);
        string[] lines = machine.System.Printed[0].Split('\n');
        ulong start = address.ToUInt64();
        Assert.Equal(new string('=', 77), lines[0]);
        Assert.Equal("BUG TestSlub_RZ_alloc (Not tainted): Right Redzone overwritten", lines[1]);
        Assert.Equal(new string('-', 77), lines[2]);
        Assert.Equal($"0x{start + 64:x16}-0x{start + 64:x16} @offset={(start + 64) % 4096}. First byte 0x12 instead of 0xcc", lines[4]);
        Assert.Contains(" objects=46 used=1 fp=0x", lines[5], StringComparison.Ordinal);
        Assert.StartsWith($"Object 0x{start:x16} @offset=8 fp=0x", lines[6], StringComparison.Ordinal);
        Assert.Equal($"Redzone  {start - 8:x16}: cc cc cc cc cc cc cc cc                          ........", lines[8]);
        Assert.Equal($"Object   {start:x16}: 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41 41  AAAAAAAAAAAAAAAA", lines[9]);
        Assert.Equal($"FIX TestSlub_RZ_alloc: Restoring Right Redzone 0x{start + 64:x16}-0x{start + 64:x16}=0xcc\n", machine.System.Printed[1]);
        Assert.Equal($"FIX TestSlub_RZ_alloc: Object at 0x{start:x16} not freed\n", machine.System.Printed[2]);
    }

    [Fact]
    public void Bad_frees_are_reported_and_change_nothing()
    {
        using SlabMachine machine = new(2, new SlabOptions { Debug = SlabFlags.ConsistencyChecks | SlabFlags.StoreUser });
        SlabCache cache = machine.System.Create("first", 64);
        SlabCache other = machine.System.Create("second", 64, 0, SlabFlags.NoMerge);
        machine.System.SetCaller(Cpu, 0xffff_8000_8012_3456, 42);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr kept));
        cache.Free(Cpu, address + 8);
        cache.Free(Cpu, new PhysAddr(0x4000_0000));
        cache.Free(Cpu, new PhysAddr(ulong.MaxValue));
        cache.Free(new CpuId(1), address);
        cache.Free(Cpu, address);
        Assert.True(other.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr foreign));
        cache.Free(Cpu, foreign);
        Assert.Equal(
            [
                $"Invalid object pointer 0x{address.ToUInt64() + 8:x16}", "virt_to_cache: Object is not a Slab page!",
                "virt_to_cache: Object is not a Slab page!", "Object already free", "cache_from_obj: Wrong slab cache. first but object is from second",
            ],
            machine.Log.Items.Select(item => item.Reason));
        Assert.Contains("Allocated in 0xffff800080123456 age=", string.Concat(machine.System.Printed), StringComparison.Ordinal);
        machine.Log.Clear();
        cache.Free(Cpu, kept);
        Assert.Equal(0, cache.Verify(out ulong live) + other.Verify(out ulong liveOther));
        Assert.Equal((0UL, 0UL), (live, liveOther));
    }

    [Fact]
    public void Kmalloc_slack_is_a_red_zone()
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = All });
        KmallocCaches kmalloc = machine.System.Kmalloc;
        Assert.True(kmalloc.TryAllocate(Cpu, 18, GfpFlags.Kernel, out PhysAddr address));
        machine.Memory.GetSpan(address + 18, 1)[0] = 0;
        kmalloc.Free(Cpu, address);
        Assert.Equal("kmalloc Redzone overwritten", Assert.Single(machine.Log.Items).Reason);
    }

    [Fact]
    public void A_cache_with_objects_out_is_not_destroyed()
    {
        using SlabMachine machine = new(1);
        SlabCache cache = machine.System.Create("leaky", 64, 0, SlabFlags.NoMerge);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        Assert.False(cache.Destroy(Cpu));
        Assert.Equal("Objects remaining in leaky on __kmem_cache_shutdown()", Assert.Single(machine.Log.Items).Reason);
        Assert.Contains($"Object 0x{address.ToUInt64():x16} @offset=", string.Concat(machine.System.Printed), StringComparison.Ordinal);
        Assert.Contains(cache, machine.System.Caches);
    }

    [Fact]
    public void Objects_left_at_the_end_are_listed_with_their_owners()
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = SlabFlags.StoreUser });
        SlabCache cache = machine.System.Create("owned", 64);
        machine.System.SetCaller(Cpu, 0xffff_8000_8012_3456, 42);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        Assert.False(cache.Destroy(Cpu));
        string[] lines = machine.System.Printed[^2].Split('\n');
        Assert.Equal($"Object 0x{address.ToUInt64():x16} @offset={address.PageOffset}", lines[0]);
        Assert.Equal("Allocated in 0xffff800080123456 age=0 cpu=0 pid=42", lines[1]);
        Assert.Equal("kmem_cache_destroy owned: Slab cache still has objects when called from 0xffff800080123456\n", machine.System.Printed[^1]);
        Assert.Matches(@"\nSlab 0x[0-9a-f]{16} objects=\d+ used=1 fp=0x[0-9a-f]{16} flags=0x[0-9a-f]+\(workingset\|slab(\|head)?\)\n", machine.System.Printed[^3]);
    }

    [Fact]
    public void A_list_head_that_is_no_object_is_reported_and_the_slab_given_up()
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = SlabFlags.ConsistencyChecks });
        SlabCache cache = machine.System.Create("headless", 64);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        ref Core.Frames.Frame frame = ref machine.Pages.Frames[address.Pfn];
        frame.Index = (frame.Index & ~0xffffUL) | (uint)(cache.Geometry.ObjectsPerSlab + 1);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr next));
        Assert.NotEqual(address.Pfn, next.Pfn);
        Assert.Equal("Freelist Pointer check fails", Assert.Single(machine.Log.Items).Reason);
        Assert.Contains("FIX headless: Marking all objects used\n", machine.System.Printed);
    }

    // validate_slab_node(): the counters against the lists.
    [Fact]
    public void Validation_counts_the_slabs()
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = All });
        SlabCache cache = machine.System.Create("counted", 64);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out _));
        Assert.Equal(cache.Geometry.ObjectsPerSlab, cache.Validate());
        Assert.Empty(machine.System.Printed);

        // The node's first word, behind the CPU's 8: seven slabs, on an empty list.
        cache.Scribble(8, 0xffff_ffff_0000_0007);
        Assert.Equal(0, cache.Validate());
        Assert.Equal(
            ["SLUB counted: 0 partial slabs counted but counter=7\n", "SLUB: counted 0 slabs counted but counter=1\n"],
            machine.System.Printed);
    }

    private static string Damage(DamageAction damage, bool frees)
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = All });
        SlabCache cache = machine.System.Create("damaged", 64);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        if (!frees)
        {
            cache.Free(Cpu, address);
        }

        damage(new Neighbourhood(machine.Memory, address), address);
        if (frees)
        {
            cache.Free(Cpu, address);
        }
        else
        {
            Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr next));
            Assert.NotEqual(address, next);
        }

        return Assert.Single(machine.Log.Items).Reason;
    }

    private static void Plant(bool isFree, int size, int offset, byte value)
    {
        using SlabMachine machine = new(1, new SlabOptions { Debug = All });
        SlabCache cache = machine.System.Create("planted", size);
        Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out PhysAddr address));
        int place = isFree ? offset % size : offset % 16 < 8 ? -1 - (offset % 8) : size + (offset % Math.Max(cache.Geometry.InUseBytes - size, 1));
        if (isFree)
        {
            cache.Free(Cpu, address);
        }

        ref byte target = ref machine.Memory.GetRef<byte>(address + unchecked((ulong)(long)place));
        bool changes = target != value;
        target = value;
        if (isFree)
        {
            Assert.True(cache.TryAllocate(Cpu, GfpFlags.Kernel, out _));
        }
        else
        {
            cache.Free(Cpu, address);
        }

        Assert.Equal(changes ? 1 : 0, machine.Log.Count);
        Assert.All(machine.Log.Items, item => Assert.Equal(CorruptionCategory.Slab, item.Category));
    }

    private delegate void DamageAction(Neighbourhood memory, PhysAddr address);
}
