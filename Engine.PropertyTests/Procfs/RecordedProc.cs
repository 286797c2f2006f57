using System.Formats.Tar;
using Engine.PropertyTests.Support;
using ZstdSharp;

namespace Engine.PropertyTests.Procfs;

/// <summary>The recorded <c>/proc</c> files of a real machine.</summary>
internal static class RecordedProc
{
    /// <summary>Where they are, below <c>shared</c>.</summary>
    public const string Archive = "data/kmem/b1.proc_before_after.tar.zst";

    /// <summary>A file's text.</summary>
    /// <param name="name">Such as <c>before/buddyinfo</c>.</param>
    public static string Read(string name)
    {
        using FileStream file = File.OpenRead(SharedData.Find(Archive)!);
        using DecompressionStream plain = new(file);
        using TarReader archive = new(plain);
        while (archive.GetNextEntry() is { } entry)
        {
            if (entry.Name == name)
            {
                using StreamReader reader = new(entry.DataStream!);
                return reader.ReadToEnd();
            }
        }

        throw new FileNotFoundException(name);
    }
}
