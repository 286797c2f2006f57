using Xunit;

namespace Engine.PropertyTests.Support;

/// <summary>A test that needs a recording; it is skipped, with the reason, where the recording is absent.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SharedDataFactAttribute : FactAttribute
{
    /// <summary>Marks a test.</summary>
    /// <param name="relativePath">The recording that it needs, below <c>shared</c>.</param>
    public SharedDataFactAttribute(string relativePath)
    {
        RelativePath = relativePath;
        if (SharedData.Find(relativePath) is null)
        {
            Skip = SharedData.Absent;
        }
    }

    /// <summary>The recording that the test needs.</summary>
    public string RelativePath { get; }
}
