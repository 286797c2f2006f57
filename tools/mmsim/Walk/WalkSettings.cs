using System.CommandLine;
using Engine.Arm64.Translation;
using Mmsim.Cli;
using Mmsim.Images;

namespace Mmsim.Walk;

/// <summary>The registers and the access of <c>mmsim walk</c>: from options, or from a capture's context with options over it.</summary>
/// <param name="Registers">Stage 1.</param>
/// <param name="Stage2">Stage 2; off unless its registers are given.</param>
/// <param name="Access">Who accesses, and how.</param>
internal sealed record WalkSettings(TranslationRegisters Registers, Stage2Registers Stage2, TranslationAccess Access)
{
    private const ulong WalksOff0 = 1UL << 7;
    private const ulong WalksOff1 = 1UL << 23;

    private static readonly Option<string?> Context = new("--context")
    {
        Description = "Registers from a capture's contexts; other options override them.",
        HelpName = "FILE.json:NAME",
    };

    private static readonly Option<string?> Ttbr0 = Register("--ttbr0", "TTBR0_EL1. Without it the lower half is off.");
    private static readonly Option<string?> Ttbr1 = Register("--ttbr1", "TTBR1_EL1. Without it the upper half is off.");
    private static readonly Option<string?> Tcr = Register("--tcr", "TCR_EL1.");
    private static readonly Option<string?> Mair = Register("--mair", "MAIR_EL1 (default 0: all memory is Device).");
    private static readonly Option<string?> Sctlr = Register("--sctlr", "SCTLR_EL1 (default 1: the MMU is on).");
    private static readonly Option<string?> Vttbr = Register("--vttbr", "VTTBR_EL2: stage 2 as well.");
    private static readonly Option<string?> Vtcr = Register("--vtcr", "VTCR_EL2.");
    private static readonly Option<string?> Hcr = Register("--hcr", "HCR_EL2 (default 1 with --vttbr: stage 2 is on).");

    private static readonly Option<string?> Level = new("--el") { Description = "Exception level of the access.", HelpName = "0|1" };
    private static readonly Option<string?> Pan = new("--pan") { Description = "PSTATE.PAN.", HelpName = "0|1" };
    private static readonly Option<string> Kind = new("--access")
    {
        Description = "Read, write or execute.",
        HelpName = "r|w|x",
        DefaultValueFactory = _ => "r",
    };

    /// <summary>Adds the options.</summary>
    public static void AddTo(Command command)
    {
        foreach (Option option in (Option[])[Context, Ttbr0, Ttbr1, Tcr, Mair, Sctlr, Vttbr, Vtcr, Hcr, Level, Pan, Kind])
        {
            command.Options.Add(option);
        }
    }

    /// <summary>Reads the options.</summary>
    /// <exception cref="InputException">A value is wrong, or there is no TCR.</exception>
    public static WalkSettings Read(ParseResult parsed)
    {
        RegisterContext? context = parsed.GetValue(Context) is { } spec ? RegisterContext.Read(spec) : null;
        TranslationRegisters given = context?.Registers
            ?? new TranslationRegisters(0, 0, 0, 0, TranslationRegisters.SctlrMmuOn, ArchitectureProfile.Full);
        if (context is null && parsed.GetValue(Tcr) is null)
        {
            throw new InputException("there are no registers", "--tcr with --ttbr0 or --ttbr1, or --context FILE.json:NAME");
        }

        ulong tcr = Value(parsed, Tcr) ?? given.Tcr;
        tcr |= context is null && parsed.GetValue(Ttbr0) is null ? WalksOff0 : 0;
        tcr |= context is null && parsed.GetValue(Ttbr1) is null ? WalksOff1 : 0;
        TranslationRegisters registers = given with
        {
            Ttbr0 = Value(parsed, Ttbr0) ?? given.Ttbr0,
            Ttbr1 = Value(parsed, Ttbr1) ?? given.Ttbr1,
            Tcr = tcr,
            Mair = Value(parsed, Mair) ?? given.Mair,
            Sctlr = Value(parsed, Sctlr) ?? given.Sctlr,
        };
        TranslationAccess access = new(ReadKind(parsed), Bit(parsed, Level) ?? context?.ExceptionLevel ?? 1, Bit(parsed, Pan) is { } pan ? pan == 1 : context?.Pan ?? false);
        return new WalkSettings(registers, ReadStage2(parsed), access);
    }

    private static Stage2Registers ReadStage2(ParseResult parsed)
    {
        ulong? vttbr = Value(parsed, Vttbr);
        ulong? vtcr = Value(parsed, Vtcr);
        if (vttbr is null && vtcr is null && Value(parsed, Hcr) is null)
        {
            return Stage2Registers.Off;
        }

        return vttbr is null || vtcr is null
            ? throw new InputException("stage 2 is not complete", "--vttbr and --vtcr together")
            : new Stage2Registers(vttbr.Value, vtcr.Value, Value(parsed, Hcr) ?? 1);
    }

    private static AccessKind ReadKind(ParseResult parsed) => parsed.GetValue(Kind) switch
    {
        "r" => AccessKind.Load,
        "w" => AccessKind.Store,
        "x" => AccessKind.Fetch,
        { } other => throw new InputException($"--access: '{other}' is no access", "r, w or x"),
        null => AccessKind.Load,
    };

    private static int? Bit(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) switch
    {
        null => null,
        "0" => 0,
        "1" => 1,
        { } other => throw new InputException($"{option.Name}: '{other}' is out of range", "0 or 1"),
    };

    private static ulong? Value(ParseResult parsed, Option<string?> option) =>
        parsed.GetValue(option) is { } text ? HexText.Parse(text, option.Name) : null;

    private static Option<string?> Register(string name, string description) => new(name) { Description = description, HelpName = "X" };
}
