using System.CommandLine;
using System.Text;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Mmsim.Cli;
using Mmsim.Images;
using Mmsim.Walk;

namespace Mmsim.Commands;

/// <summary><c>mmsim walk</c>: translates addresses in a memory image of a real machine, and prints or counts its tables.</summary>
public static class WalkCommand
{
    private const int FlushAtChars = 1 << 16;

    // Enough for some terabytes mapped in pages.
    private const long TablesMax = 4 << 20;

    private static readonly Argument<string[]> Addresses = new("ADDRESS")
    {
        Description = "Virtual addresses, hexadecimal.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private static readonly Option<string[]> Image = new("--image")
    {
        Description = "A memory image: a raw dump as FILE@ADDRESS, an ELF core, or a page list. May be given several times; the first that has an address counts.",
        HelpName = "FILE[@ADDRESS]",
        Required = true,
    };

    private static readonly Option<string?> Vas = new("--vas") { Description = "Translate the addresses in FILE, one a line (- for standard input).", HelpName = "FILE" };

    private static readonly Option<bool> Csv = new("--csv") { Description = "Print va,result,pa,level,size,contiguous,attributes,par_el1." };

    private static readonly Option<bool> Dump = new("--dump") { Description = "Print the whole map as ranges with equal attributes, as the kernel's ptdump does." };

    private static readonly Option<bool> Stats = new("--stats") { Description = "Count descriptors by level and kind." };

    /// <summary>Builds the command.</summary>
    public static Command Create()
    {
        Command command = new("walk", "Translates addresses in a memory image of a real machine.") { Addresses, Image, Vas, Csv, Dump, Stats };
        WalkSettings.AddTo(command);
        command.SetAction(Run);
        return command;
    }

    private static int Run(ParseResult parsed)
    {
        WalkSettings settings = WalkSettings.Read(parsed);
        string? json = parsed.GetValue(GeneralOptions.Json);
        bool isQuiet = parsed.GetValue(GeneralOptions.Quiet) || json == "-";
        string[] named = parsed.GetValue(Addresses) ?? [];
        string? list = parsed.GetValue(Vas);
        bool scans = parsed.GetValue(Dump) || parsed.GetValue(Stats);
        if (named.Length == 0 && list is null && !scans)
        {
            throw new InputException("there is nothing to translate", "addresses, --vas FILE, --dump or --stats");
        }

        using Interruption interruption = new();
        using MemoryImage image = MemoryImage.Open(parsed.GetValue(Image)!);
        IEnumerable<VirtAddr> addresses = named.Select(text => new VirtAddr(HexText.Parse(text, "address"))).Concat(list is null ? [] : ReadList(list));
        List<(VirtAddr Address, TranslationResult Result)> kept = [];
        TextWriter output = isQuiet ? TextWriter.Null : parsed.InvocationConfiguration.Output;
        bool isDone = Translate(image, settings, addresses, output, parsed.GetValue(Csv), json is null ? null : kept, interruption);
        List<HalfCounts> counts = [];
        bool isWhole = !scans || Scan(image, settings, output, parsed.GetValue(Dump), parsed.GetValue(Stats), counts);
        if (!isWhole)
        {
            parsed.InvocationConfiguration.Error.WriteLine("mmsim: the tables refer to each other without end: stopped");
        }

        if (json is not null)
        {
            JsonReport.Write(json, writer => WalkJson.Write(writer, kept, counts));
        }

        return !isDone ? ExitCode.Interrupted : isWhole ? ExitCode.Done : ExitCode.Difference;
    }

    private static bool Translate(
        MemoryImage image,
        WalkSettings settings,
        IEnumerable<VirtAddr> addresses,
        TextWriter output,
        bool isCsv,
        List<(VirtAddr Address, TranslationResult Result)>? kept,
        Interruption interruption)
    {
        ImageMemory memory = new(image);
        StringBuilder text = new();
        if (isCsv)
        {
            text.Append(WalkLine.CsvHeader).Append('\n');
        }

        foreach (VirtAddr address in addresses)
        {
            TranslationResult result = Walker.Translate(ref memory, settings.Registers, settings.Stage2, address, settings.Access);
            kept?.Add((address, result));
            WalkLine.Append(text, address, result, isCsv);
            Flush(output, text, FlushAtChars);

            if (interruption.IsRequested)
            {
                Flush(output, text, 0);
                return false;
            }
        }

        Flush(output, text, 0);
        return true;
    }

    // Both halves, as far as their registers are known. False where the tables refer to each other without end.
    private static bool Scan(MemoryImage image, WalkSettings settings, TextWriter output, bool dumps, bool counts, List<HalfCounts> halves)
    {
        ImageMemory memory = new(image);
        bool isWhole = true;

        // A table is rarely reached by more than one way; a budget of sixteen per page of the image ends loops.
        long tablesMax = Math.Min(64 + (16 * image.PageCount), TablesMax);
        foreach (bool isUpper in (bool[])[false, true])
        {
            TranslationControl control = TranslationControl.Decode(settings.Registers, isUpper);
            if (!control.IsConfigured || control.IsWalkDisabled)
            {
                continue;
            }

            TreeVisitor visitor = new(new HalfCounts(isUpper), dumps ? new RangeWriter(output, control, settings.Registers) : null);
            bool isComplete = TableScanner.Scan(ref memory, settings.Registers, isUpper, tablesMax, ref visitor);
            visitor.Finish();
            halves.Add(visitor.Counts);
            isWhole &= isComplete;
            if (counts)
            {
                visitor.Counts.Print(output);
            }
        }

        return isWhole;
    }

    private static IEnumerable<VirtAddr> ReadList(string path)
    {
        using InputLines lines = InputLines.Open(path);
        while (lines.TryRead(out string? line))
        {
            string text = line.Trim();
            if (text.Length == 0 || text[0] == '#')
            {
                continue;
            }

            yield return HexText.TryParse(text, out ulong address)
                ? new VirtAddr(address)
                : throw new InputException(lines.Name, lines.Number, $"'{text}' is not an address", "hexadecimal, up to 64 bits");
        }
    }

    private static void Flush(TextWriter output, StringBuilder text, int limitChars)
    {
        if (text.Length > limitChars)
        {
            output.Write(text);
            text.Clear();
        }
    }
}
