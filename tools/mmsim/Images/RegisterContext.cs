using System.Text.Json;
using Engine.Arm64.Translation;
using Mmsim.Cli;

namespace Mmsim.Images;

/// <summary>One entry of a capture's <c>contexts</c>: the registers of a CPU when it stopped.</summary>
/// <param name="Registers">The registers; the CPU's ID registers as far as the file has them.</param>
/// <param name="ExceptionLevel">0 or 1, or null where the entry names none.</param>
/// <param name="Pan">PSTATE.PAN.</param>
internal sealed record RegisterContext(TranslationRegisters Registers, int? ExceptionLevel, bool Pan)
{
    /// <summary>Reads <c>FILE.json:NAME</c>.</summary>
    /// <exception cref="InputException">There is no such file or entry, or it lacks a register.</exception>
    public static RegisterContext Read(string spec)
    {
        int json = spec.IndexOf(".json:", StringComparison.OrdinalIgnoreCase);
        int colon = json >= 0 ? json + ".json".Length : spec.LastIndexOf(':');
        if (colon <= 0)
        {
            throw new InputException($"--context {spec}: names no context", "FILE.json:NAME");
        }

        string path = spec[..colon];
        string name = spec[(colon + 1)..];
        try
        {
            using InputFile input = InputFile.Open(path);
            using JsonDocument document = JsonDocument.Parse(input.ReadToEnd());
            return Find(document.RootElement, path, name);
        }
        catch (JsonException error)
        {
            throw new InputException(path, error.LineNumber + 1, "is not JSON");
        }
    }

    private static RegisterContext Find(JsonElement root, string path, string name)
    {
        if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("contexts", out JsonElement contexts) || contexts.ValueKind != JsonValueKind.Array)
        {
            throw new InputException(path, null, "has no contexts");
        }

        foreach (JsonElement context in contexts.EnumerateArray())
        {
            if (TextOf(context, "name") == name)
            {
                return Decode(root, context, path);
            }
        }

        string known = string.Join(", ", contexts.EnumerateArray().Select(context => TextOf(context, "name")).OfType<string>().Take(8));
        throw new InputException(path, null, $"has no context '{name}'", $"one of {known}, …");
    }

    private static RegisterContext Decode(JsonElement root, JsonElement context, string path)
    {
        TranslationRegisters registers = new(
            Register(context, "ttbr0", path), Register(context, "ttbr1", path), Register(context, "tcr", path),
            Register(context, "mair", path), Register(context, "sctlr", path), ProfileOf(root, context, path));
        int? level = NumberOf(context, "el") is 0 or 1 ? NumberOf(context, "el") : null;
        return new RegisterContext(registers, level, NumberOf(context, "pan") == 1);
    }

    // The CPU's ID registers, where the file has them. Of one that it lacks nothing is known: what the others configure counts as there.
    private static ArchitectureProfile ProfileOf(JsonElement root, JsonElement context, string path)
    {
        if (NumberOf(context, "cpu") is not { } cpu || !root.TryGetProperty("cpus", out JsonElement cpus)
            || cpus.ValueKind != JsonValueKind.Array || cpu < 0 || cpu >= cpus.GetArrayLength()
            || cpus[cpu].ValueKind != JsonValueKind.Object || !cpus[cpu].TryGetProperty("ID_AA64MMFR0_EL1", out _))
        {
            return ArchitectureProfile.Full;
        }

        // HAFDBS, HPDS, PAN and XNX; LVA, ST, S2FWB and E0PD; APA.
        const ulong EverythingOfMmfr1 = 2 | (1UL << 12) | (3UL << 20) | (1UL << 28);
        const ulong EverythingOfMmfr2 = (1UL << 16) | (1UL << 28) | (1UL << 40) | (1UL << 60);
        const ulong PauthOfIsar1 = 1UL << 4;
        ulong Id(string name, ulong otherwise) => cpus[cpu].TryGetProperty(name, out _) ? Register(cpus[cpu], name, path) : otherwise;
        return ArchitectureProfile.FromIdRegisters(
            Id("ID_AA64MMFR0_EL1", 0), Id("ID_AA64MMFR1_EL1", EverythingOfMmfr1), Id("ID_AA64MMFR2_EL1", EverythingOfMmfr2),
            Id("ID_AA64ISAR1_EL1", PauthOfIsar1), Id("ID_AA64ISAR2_EL1", 0));
    }

    private static ulong Register(JsonElement owner, string name, string path) =>
        TextOf(owner, name) is { } text && HexText.TryParse(text, out ulong value)
            ? value
            : throw new InputException(path, null, $"register {name} is missing or no number", "a hexadecimal string");

    private static string? TextOf(JsonElement owner, string name) =>
        owner.ValueKind == JsonValueKind.Object && owner.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String
            ? value.GetString()
            : null;

    private static int? NumberOf(JsonElement owner, string name) =>
        owner.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) ? number : null;
}
