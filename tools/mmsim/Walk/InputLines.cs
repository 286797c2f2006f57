using System.Diagnostics.CodeAnalysis;
using System.Text;
using Mmsim.Cli;

namespace Mmsim.Walk;

/// <summary>The lines of an input: plain or compressed, with their numbers.</summary>
internal sealed class InputLines : IDisposable
{
    private const int LineCharsMax = 4096;

    private readonly InputFile input;
    private readonly byte[] buffer = new byte[64 << 10];
    private readonly StringBuilder line = new();
    private int used;
    private int taken;

    private InputLines(InputFile input) => this.input = input;

    /// <summary>The input's name, for messages.</summary>
    public string Name => input.Name;

    /// <summary>The number of the line read last, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>Opens an input; <c>-</c> is standard input.</summary>
    public static InputLines Open(string path) => new(InputFile.Open(path));

    /// <summary>Reads a line without its end.</summary>
    /// <exception cref="InputException">The line is too long to be text, or the input is damaged.</exception>
    public bool TryRead([NotNullWhen(true)] out string? text)
    {
        line.Clear();
        Number++;
        while (Next() is { } next)
        {
            if (next == '\n')
            {
                text = line.ToString();
                return true;
            }

            if (line.Length == LineCharsMax)
            {
                throw new InputException(Name, Number, "the line is too long", $"at most {LineCharsMax} bytes");
            }

            line.Append((char)next);
        }

        text = line.Length > 0 ? line.ToString() : null;
        return text is not null;
    }

    /// <inheritdoc/>
    public void Dispose() => input.Dispose();

    private byte? Next()
    {
        if (taken == used)
        {
            used = input.Read(buffer);
            taken = 0;
        }

        return taken < used ? buffer[taken++] : null;
    }
}
