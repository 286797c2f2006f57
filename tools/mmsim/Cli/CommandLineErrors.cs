using System.CommandLine;
using System.CommandLine.Parsing;

namespace Mmsim.Cli;

/// <summary>What is wrong with a command line, in words that say what was expected.</summary>
internal static class CommandLineErrors
{
    /// <summary>Checks a parsed command line. Options that only show something, such as <c>--help</c>, need nothing else.</summary>
    /// <exception cref="InputException">Something is wrong with it.</exception>
    public static void Check(ParseResult parsed)
    {
        Command command = parsed.CommandResult.Command;
        string? stray = StrayOption(parsed);
        if (stray is not null)
        {
            throw new InputException(
                $"{stray} is no option of {command.Name}", $"{string.Join(", ", Known(parsed).Select(option => option.Name).Order(StringComparer.Ordinal))}; ./{stray} for a file");
        }

        if (parsed.Errors.Count == 0)
        {
            return;
        }

        if (command.Subcommands.Any())
        {
            string names = string.Join(", ", command.Subcommands.Select(known => known.Name));
            string what = command is RootCommand ? "command" : $"target of {command.Name}";
            throw new InputException(parsed.UnmatchedTokens.Count > 0 ? $"'{parsed.UnmatchedTokens[0]}' is no {what}" : $"no {what}", $"{names}; --help explains them");
        }

        if (parsed.UnmatchedTokens.Count > 0)
        {
            throw new InputException($"'{parsed.UnmatchedTokens[0]}' is one argument too many for {command.Name}");
        }

        throw Of(parsed.Errors[0]);
    }

    // What stands where an argument may stand, but looks like an option: a misspelled one would be taken for a file otherwise.
    private static string? StrayOption(ParseResult parsed) =>
        parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)
            ? null
            : parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)
                .Concat(parsed.UnmatchedTokens).FirstOrDefault(text => text.Length > 1 && text[0] == '-');

    private static IEnumerable<Option> Known(ParseResult parsed)
    {
        for (CommandResult? result = parsed.CommandResult; result is not null; result = result.Parent as CommandResult)
        {
            foreach (Option option in result.Command.Options.Where(option => !option.Hidden && (option.Recursive || result == parsed.CommandResult)))
            {
                yield return option;
            }
        }
    }

    private static InputException Of(ParseError error) =>
        error.SymbolResult is OptionResult { Tokens: [.., Token last] } result
            ? new InputException($"{result.Option.Name}: '{last.Value}' cannot be used", result.Tokens.Count > 1 ? "the option once" : NumberOf(result.Option.ValueType))
            : new InputException(error.Message);

    private static string NumberOf(Type type)
    {
        Type number = Nullable.GetUnderlyingType(type) ?? type;
        return number == typeof(double) ? "a number, such as 0.5" : number == typeof(ulong) ? "a whole number, 0 or more" : $"a whole number, at most {int.MaxValue}";
    }
}
