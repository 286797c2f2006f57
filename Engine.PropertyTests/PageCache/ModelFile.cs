using Engine.Core.Frames;
using Engine.Core.PageCache;
using Engine.Core.Units;
using Xunit;

namespace Engine.PropertyTests.PageCache;

/// <summary>A file in the cache beside the array of bytes that it must equal.</summary>
internal sealed class ModelFile(IBackingStore backing, int folioOrderMax)
{
    private static readonly CpuId Cpu = CacheMachine.Cpu;

    private byte[] content = ReadAll(backing);

    public ReadaheadState Readahead = ReadaheadState.ForFile();

    public FileMapping Mapping { get; private set; } = null!;

    public void Open(CacheMachine machine) => Mapping = machine.Open(backing, folioOrderMax);

    /// <summary>All dirty pages are written, the cache is dropped, the file comes back from its backing.</summary>
    public void Reopen(CacheMachine machine)
    {
        if (backing.IsPersistent)
        {
            SyncAndCheckBacking();
            machine.Cache.Close(Cpu, Mapping);
            Open(machine);
            Readahead = ReadaheadState.ForFile();
        }
    }

    public void Resize(int length)
    {
        Array.Resize(ref content, length);
        Assert.Equal((ulong)length, Mapping.LengthBytes);
    }

    public void Zero(int offset, int length)
    {
        int start = Math.Min(offset, content.Length);
        content.AsSpan(start, Math.Min(length, content.Length - start)).Clear();
    }

    public void CheckRead(int offset, int length)
    {
        byte[] got = new byte[length];
        Assert.Equal(FileIoResult.Done, Mapping.Read(Cpu, ref Readahead, (ulong)offset, got, out int read));
        int expected = Math.Clamp(content.Length - offset, 0, length);
        Assert.Equal(expected, read);
        Assert.True(got.AsSpan(0, read).SequenceEqual(content.AsSpan(Math.Min(offset, content.Length), read)), $"bytes at {offset}");
    }

    public void Write(int offset, int length, byte value)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++)
        {
            bytes[i] = unchecked((byte)(value + (i >> 9)));
        }

        Assert.Equal(FileIoResult.Done, Mapping.Write(Cpu, (ulong)offset, bytes, out int written));
        Assert.Equal(length, written);
        if (length > 0 && offset + length > content.Length)
        {
            Array.Resize(ref content, offset + length);
        }

        bytes.CopyTo(content.AsSpan(length == 0 ? 0 : offset));
        Assert.Equal((ulong)content.Length, Mapping.LengthBytes);
    }

    public Pfn CheckFault(CacheMachine machine, int offset)
    {
        ulong page = (ulong)offset >> 12;
        bool wasCached = Mapping.IsCached(page);
        FileFaultResult result = Mapping.Fault(Cpu, ref Readahead, page, MmapAdvice.Normal, out Pfn pfn);
        if (page << 12 >= (ulong)content.Length)
        {
            Assert.Equal(FileFaultResult.BeyondEnd, result);
            return Pfn.None;
        }

        Assert.Equal(!wasCached && backing.IsPersistent, result == FileFaultResult.Major);
        int start = (int)page << 12;
        int inFile = Math.Min(4096, content.Length - start);
        Assert.True(machine.Memory.GetFrame(pfn)[..inFile].SequenceEqual(content.AsSpan(start, inFile)), $"page {page} by a fault");
        Assert.Equal(Mapping, machine.Cache.MappingOf(pfn));
        return pfn;
    }

    /// <summary>A store through a mapping; also behind the end of the file, where it must leave no trace.</summary>
    public void MappedWrite(CacheMachine machine, int offset, byte value, bool isMarked)
    {
        Pfn pfn = CheckFault(machine, offset);
        if (pfn == Pfn.None)
        {
            return;
        }

        machine.Memory.GetFrame(pfn)[offset & 4095] = value;
        if (isMarked)
        {
            Assert.True(Mapping.SetDirty((ulong)offset >> 12));
        }

        if (offset < content.Length)
        {
            content[offset] = value;
        }
    }

    public void SyncAndCheckBacking()
    {
        Assert.Equal(FileIoResult.Done, Mapping.Sync(Cpu));
        Assert.Equal(0UL, Mapping.DirtyPages);
        if (backing.IsPersistent)
        {
            Assert.True(ReadAll(backing).AsSpan().SequenceEqual(content), "the backing after a sync");
        }
    }

    public void DontNeed(ulong offset, ulong length)
    {
        ulong cached = Mapping.CachedPages;
        Mapping.Advise(Cpu, ref Readahead, FileAdvice.DontNeed, offset, length);
        Assert.True(Mapping.CachedPages <= cached);
        Assert.True(backing.IsPersistent || Mapping.CachedPages == cached);
    }

    /// <summary>Drops a range; with a machine given, dirty pages as well, which is a bug.</summary>
    public void Invalidate(ulong first, ulong last, CacheMachine? careless)
    {
        for (ulong page = first; careless is not null && page <= last; page++)
        {
            if (Mapping.TryFindFolio(page, out CachedFolio folio))
            {
                careless.Frames[folio.Head].Flags &= ~PageFlag.Dirty;
            }
        }

        ulong dirty = Mapping.DirtyPages;
        ulong cached = Mapping.CachedPages;
        ulong dropped = Mapping.Invalidate(Cpu, first, last);
        Assert.Equal(dirty, Mapping.DirtyPages);
        Assert.Equal(cached - dropped, Mapping.CachedPages);
    }

    private static byte[] ReadAll(IBackingStore backing)
    {
        byte[] all = new byte[(backing.LengthBytes + 4095) & ~4095UL];
        for (int start = 0; start < all.Length && backing.IsPersistent; start += 4096)
        {
            Assert.True(backing.ReadPage((ulong)start >> 12, all.AsSpan(start, 4096)));
        }

        return all[..(int)backing.LengthBytes];
    }
}
