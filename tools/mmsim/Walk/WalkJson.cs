using System.Globalization;
using System.Text.Json;
using Engine.Arm64.Translation;
using Engine.Arm64.Units;
using Mmsim.Cli;

namespace Mmsim.Walk;

/// <summary>The report of <c>mmsim walk</c> as JSON. Addresses and PAR_EL1 are hexadecimal strings: they do not fit a JSON number.</summary>
internal static class WalkJson
{
    /// <summary>Writes <c>results</c>, and <c>stats</c> where tables were scanned.</summary>
    public static void Write(Utf8JsonWriter writer, List<(VirtAddr Address, TranslationResult Result)> results, List<HalfCounts> counts)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        writer.WriteStartArray("results");
        foreach ((VirtAddr address, TranslationResult result) in results)
        {
            writer.WriteStartObject();
            writer.WriteString("va", string.Create(culture, $"0x{address.ToUInt64():x16}"));
            writer.WriteString("result", result.Fault.Name);
            writer.WriteNumber("level", result.IsOk ? result.Level : result.Fault.Level);
            if (result.IsOk)
            {
                writer.WriteString("pa", string.Create(culture, $"0x{result.Address.ToUInt64():x}"));
                writer.WriteNumber("size", 1UL << result.BlockShift);
                writer.WriteBoolean("contiguous", result.IsContiguous);
                writer.WriteString("attributes", WalkLine.Attributes(result));
            }
            else
            {
                writer.WriteNumber("status", result.Fault.StatusCode);
            }

            writer.WriteString("par_el1", string.Create(culture, $"0x{result.ParEl1:x16}"));
            writer.WriteNumber("descriptor_reads", result.DescriptorReads);
            writer.WriteEndObject();
        }

        writer.WriteEndArray();
        if (counts.Count == 0)
        {
            return;
        }

        writer.WriteStartObject("stats");
        foreach (HalfCounts half in counts)
        {
            writer.WriteStartObject(half.IsUpper ? "ttbr1" : "ttbr0");
            foreach (int level in half.Levels())
            {
                writer.WriteNumbers(
                    $"level{level}",
                    ("tables", half[level, DescriptorCount.Table]),
                    ("blocks", half[level, DescriptorCount.Block]),
                    ("pages", half[level, DescriptorCount.Page]),
                    ("contiguous", half[level, DescriptorCount.Contiguous]),
                    ("zero", half[level, DescriptorCount.Zero]),
                    ("invalid_nonzero", half[level, DescriptorCount.InvalidNonzero]),
                    ("missing_tables", half[level, DescriptorCount.MissingTable]));
            }

            writer.WriteEndObject();
        }

        writer.WriteEndObject();
    }
}
