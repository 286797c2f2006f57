// Reads the text form of the kernel's trace buffer (kernel/trace/trace_output.c), of which each event is one line:
//
//     %16s-%-7d [%03d] FLAGS SECONDS.MICROSECONDS: EVENT: FIELDS
//
// What stands before the event's name is FtracePrefix's.
//
// Lines that are no event: those with # in front (the header, and notes about buffers), CPU:n [LOST n EVENTS], the frames of
// a stack trace, and what follows a marker whose text has several lines. Anything else is an error.

using System.Runtime.CompilerServices;
using System.Text;
using Mmsim.Cli;

namespace Mmsim.Kmem;

/// <summary>Reads the page allocator's events from ftrace text.</summary>
internal sealed class FtraceText
{
    // As many as the model can have.
    private const int CpusMax = 4096;

    private readonly string name;
    private readonly GfpTable gfps;
    private readonly FtraceFastLine fast = new();
    private readonly List<OtherEvent> otherEvents = [];
    private long[] eventsByCpu = new long[16];
    private int cpuMax;
    private long line;
    private bool mayContinue;

    /// <summary>Prepares a reader.</summary>
    /// <param name="name">The input's name for messages.</param>
    /// <param name="gfps">Collects the texts of allocation flags.</param>
    public FtraceText(string name, GfpTable gfps)
    {
        this.name = name;
        this.gfps = gfps;
    }

    /// <summary>Lines read so far.</summary>
    public long LineCount => line;

    /// <summary>Events of all kinds read so far.</summary>
    public long EventCount { get; private set; }

    /// <summary>Events of all kinds by CPU, up to the largest CPU seen.</summary>
    public ReadOnlySpan<long> EventsByCpu => eventsByCpu.AsSpan(0, cpuMax + 1);

    /// <summary>The first event's time, in microseconds as a rule.</summary>
    public ulong FirstTime { get; private set; }

    /// <summary>The last event's time.</summary>
    public ulong LastTime { get; private set; }

    /// <summary>How often an event was earlier than the one before it.</summary>
    public long TimeGoesBack { get; private set; }

    /// <summary>Events that the kernel says it has dropped or overwritten.</summary>
    public ulong LostEvents { get; private set; }

    /// <summary>CPUs of the machine as the header says (<c>#P:n</c>); 0 where it does not.</summary>
    public int CpuCount { get; private set; }

    /// <summary>Events that are not the page allocator's, by name.</summary>
    public IReadOnlyDictionary<string, long> OtherEvents => otherEvents.ToDictionary(item => Encoding.Latin1.GetString(item.Name), item => item.Count, StringComparer.Ordinal);

    /// <summary>Reads the line that a text begins with, and passes it over.</summary>
    /// <param name="text">Lines, of which the last may lack its break; afterwards what follows the line.</param>
    /// <param name="parsed">The event, if there is one.</param>
    /// <returns>Whether the line is one of the page allocator's events.</returns>
    /// <exception cref="InputException">The line is not what ftrace writes.</exception>
    public bool TryRead(ref ReadOnlySpan<byte> text, out KmemEvent parsed)
    {
        line++;
        if (text.Length >= FtraceFastLine.Reach && fast.TryRead(text, out parsed, out int end)
            && (parsed.Kind != KmemEventKind.Alloc || TryReadFlags(text, ref end, ref parsed)))
        {
            text = text[(end + 1)..];
            CountEvent(parsed);
            mayContinue = false;
            return true;
        }

        end = text.IndexOf((byte)'\n');
        ReadOnlySpan<byte> first = end < 0 ? text : text[..end];
        text = end < 0 ? [] : text[(end + 1)..];
        return TryReadAny(first, out parsed);
    }

    private void CountEvent(in KmemEvent parsed)
    {
        if (parsed.Cpu >= eventsByCpu.Length)
        {
            Array.Resize(ref eventsByCpu, Math.Max(parsed.Cpu + 1, eventsByCpu.Length * 2));
        }

        eventsByCpu[parsed.Cpu]++;
        cpuMax = Math.Max(cpuMax, parsed.Cpu);
        if (EventCount == 0)
        {
            FirstTime = parsed.Time;
        }
        else if (parsed.Time < LastTime)
        {
            TimeGoesBack++;
        }

        LastTime = parsed.Time;
        EventCount++;
    }

    // The flags reach from here to the line's break. Of a text with a blank, and of a bad one, the slow way decides.
    private bool TryReadFlags(ReadOnlySpan<byte> text, ref int end, ref KmemEvent parsed)
    {
        ReadOnlySpan<byte> rest = text[end..];
        if (gfps.TryFindLast(rest, out int index, out int length))
        {
            end += length;
            parsed.Gfp = (ushort)index;
            return true;
        }

        length = rest.IndexOf((byte)'\n');
        if (length <= 0 || rest[..length].ContainsAny((byte)' ', (byte)'\r') || !gfps.TryAdd(rest[..length], out index, out _))
        {
            return false;
        }

        end += length;
        parsed.Gfp = (ushort)index;
        return true;
    }

    /// <summary>Reads a line of any form: what <see cref="TryRead"/> does with an unusual line.</summary>
    internal bool TryReadAny(ReadOnlySpan<byte> text, out KmemEvent parsed)
    {
        Unsafe.SkipInit(out parsed);
        if (text.Length > 0 && text[^1] == (byte)'\r')
        {
            text = text[..^1];
        }

        if (text.Length == 0 || text[0] == (byte)'#')
        {
            ReadComment(text);
            return false;
        }

        FieldCursor cursor = new(text, FtracePrefix.NameBytes);
        if ((text.Length <= FtracePrefix.NameBytes || !FtracePrefix.TryRead(ref cursor, ref parsed)) && !FtracePrefix.TryFind(text, out cursor, ref parsed))
        {
            ReadOddity(text);
            return false;
        }

        if (parsed.Cpu >= CpusMax)
        {
            throw new InputException(name, line, $"CPU {parsed.Cpu}", $"at most {CpusMax - 1}");
        }

        CountEvent(parsed);
        int colon = cursor.Rest.IndexOf((byte)':');
        ReadOnlySpan<byte> eventName = colon < 0 ? cursor.Rest : cursor.Rest[..colon];
        parsed.Kind = KindOf(eventName);
        mayContinue = parsed.Kind == KmemEventKind.Other;
        if (mayContinue)
        {
            CountOther(eventName);
            return false;
        }

        cursor = new FieldCursor(cursor.Rest, colon + 1);
        ReadFields(ref cursor, ref parsed);
        return true;
    }

    private static KmemEventKind KindOf(ReadOnlySpan<byte> name) => name.Length switch
    {
        12 when name.SequenceEqual("mm_page_free"u8) => KmemEventKind.Free,
        13 when name.SequenceEqual("mm_page_alloc"u8) => KmemEventKind.Alloc,
        18 when name.SequenceEqual("mm_page_pcpu_drain"u8) => KmemEventKind.PcpuDrain,
        20 when name.SequenceEqual("mm_page_free_batched"u8) => KmemEventKind.FreeBatched,
        21 when name.SequenceEqual("mm_page_alloc_extfrag"u8) => KmemEventKind.ExtFrag,
        25 when name.SequenceEqual("mm_page_alloc_zone_locked"u8) => KmemEventKind.ZoneLocked,
        _ => KmemEventKind.Other,
    };

    private void ReadFields(ref FieldCursor cursor, ref KmemEvent parsed)
    {
        parsed.Pfn = (uint)Field(ref cursor, "pfn="u8, uint.MaxValue - 1);
        if (parsed.Kind == KmemEventKind.ExtFrag)
        {
            ReadExtFrag(ref cursor, ref parsed);
            return;
        }

        parsed.Order = (byte)Field(ref cursor, "order="u8, Engine.Core.Units.Order.MaxValue);
        if (parsed.Kind is KmemEventKind.Free or KmemEventKind.FreeBatched)
        {
            return;
        }

        parsed.MigrateType = (byte)Field(ref cursor, "migratetype="u8, KmemCounts.MigrateTypeMax);
        if (parsed.Kind == KmemEventKind.ZoneLocked)
        {
            // Older kernels print there whether the order is 0; where nothing is printed, that is what is known.
            FieldCursor before = cursor;
            parsed.IsRefill = before.TryFindKey("percpu_refill="u8) ? Field(ref cursor, "percpu_refill="u8, 1) != 0 : parsed.Order == 0;
        }
        else if (parsed.Kind == KmemEventKind.Alloc)
        {
            if (!cursor.TryFindKey("gfp_flags="u8))
            {
                throw Missing("gfp_flags=", "names joined by |");
            }

            ReadOnlySpan<byte> text = cursor.TakeWord();
            if (!gfps.TryAdd(text, out int index, out string? wrong))
            {
                throw new InputException(name, line, wrong!, "names such as GFP_KERNEL|__GFP_ZERO");
            }

            parsed.Gfp = (ushort)index;
        }
    }

    private void ReadExtFrag(ref FieldCursor cursor, ref KmemEvent parsed)
    {
        parsed.Order = (byte)Field(ref cursor, "alloc_order="u8, Engine.Core.Units.Order.MaxValue);
        parsed.FallbackOrder = (byte)Field(ref cursor, "fallback_order="u8, Engine.Core.Units.Order.MaxValue);
        parsed.MigrateType = (byte)Field(ref cursor, "alloc_migratetype="u8, KmemCounts.MigrateTypeMax);
        parsed.FallbackType = (byte)Field(ref cursor, "fallback_migratetype="u8, KmemCounts.MigrateTypeMax);
        parsed.IsOwnershipChange = Field(ref cursor, "change_ownership="u8, 1) != 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private ulong Field(ref FieldCursor cursor, ReadOnlySpan<byte> key, ulong max)
    {
        if (!cursor.TryFindKey(key))
        {
            throw Missing(Encoding.ASCII.GetString(key), "a number");
        }

        int start = cursor.Position;
        if (!cursor.TryTakeNumber(out ulong value) || value > max || (!cursor.IsAtEnd && cursor.Current != (byte)' '))
        {
            throw BadNumber(ref cursor, start, Encoding.ASCII.GetString(key), max);
        }

        return value;
    }

    private InputException Missing(string key, string expected) =>
        new(name, line, $"the event has no {key}", $"{key} with {expected}");

    private InputException BadNumber(ref FieldCursor cursor, int start, string key, ulong max)
    {
        int length = cursor.Position - start;
        FieldCursor rest = cursor;
        string text = Encoding.Latin1.GetString(rest.TakeWord());
        string what = length == 0 && text.Length == 0 ? "nothing" : $"a bad number (it ends in '{text}')";
        return new InputException(name, line, $"{key} has {what}", $"0 to {max}");
    }

    private void CountOther(ReadOnlySpan<byte> eventName)
    {
        // A trace has some kinds of them, and the latest is the likeliest.
        for (int i = otherEvents.Count - 1; i >= 0; i--)
        {
            if (eventName.SequenceEqual(otherEvents[i].Name))
            {
                otherEvents[i].Count++;
                return;
            }
        }

        otherEvents.Add(new OtherEvent(eventName.ToArray()));
    }

    // A kind of event that is not the page allocator's, and how often there was one.
    private sealed class OtherEvent(byte[] name)
    {
        public readonly byte[] Name = name;
        public long Count = 1;
    }

    private void ReadComment(ReadOnlySpan<byte> text)
    {
        int processors = text.IndexOf("#P:"u8);
        if (processors >= 0)
        {
            FieldCursor cursor = new(text, processors + 3);
            if (cursor.TryTakeDecimal(out ulong count) && count is > 0 and <= CpusMax)
            {
                CpuCount = (int)count;
            }
        }

        ReadOnlySpan<byte> entries = "# entries-in-buffer/entries-written:"u8;
        if (text.StartsWith(entries))
        {
            FieldCursor cursor = new(text, entries.Length);
            cursor.SkipBlanks();
            if (cursor.TryTakeDecimal(out ulong kept) && cursor.TryTake((byte)'/') && cursor.TryTakeDecimal(out ulong written) && written > kept)
            {
                LostEvents += written - kept;
            }
        }
    }

    private void ReadOddity(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> lost = "CPU:"u8;
        int marker = text.IndexOf(" [LOST "u8);
        if (text.StartsWith(lost) && marker > 0)
        {
            FieldCursor cursor = new(text, marker + " [LOST "u8.Length);
            LostEvents += cursor.TryTakeDecimal(out ulong count) ? count : 1;
            return;
        }

        // What trace-cmd report says of its file before the events.
        if (EventCount == 0 && (text.StartsWith("cpus="u8) || text.StartsWith("version = "u8)))
        {
            return;
        }

        // The frames of a stack trace begin with an arrow; a marker's text may have several lines.
        if (!mayContinue && !text.StartsWith(" => "u8))
        {
            string shown = Encoding.Latin1.GetString(text[..Math.Min(text.Length, 60)]);
            throw new InputException(name, line, $"'{shown}' is not a line of ftrace text", "TASK-PID [CPU] FLAGS TIME: EVENT: FIELDS");
        }
    }
}
