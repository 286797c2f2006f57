using System.Reflection;
using Engine.Arm64.Translation;
using Engine.Core.Frames;
using Xunit;

namespace Engine.PropertyTests.Support;

/// <summary>The house's one layer rule, and the field rule that C# does not check.</summary>
public sealed class LayerTests
{
    [Fact]
    public void Core_never_refers_to_Arm64()
    {
        AssemblyName[] references = typeof(Frame).Assembly.GetReferencedAssemblies();
        Assert.DoesNotContain(references, name => name.Name!.StartsWith("Engine.", StringComparison.Ordinal));
    }

    /// <summary>A readonly field of a mutable struct works on a copy at each call: state that the call changes is lost.</summary>
    [Fact]
    public void No_readonly_field_holds_a_mutable_struct()
    {
        IEnumerable<string> found =
            from assembly in new[] { typeof(Frame).Assembly, typeof(Access).Assembly, typeof(Mmsim.Program).Assembly }
            from type in assembly.GetTypes()
            from field in type.GetFields(BindingFlags.Instance | BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            where field.IsInitOnly && IsMutableStruct(field.FieldType, assembly) && !type.IsDefined(typeof(System.Runtime.CompilerServices.CompilerGeneratedAttribute))
            select $"{type.FullName}.{field.Name}";
        Assert.Empty(found);
    }

    private static bool IsMutableStruct(Type type, Assembly assembly) =>
        type.IsValueType && !type.IsPrimitive && !type.IsEnum && type.Assembly == assembly
        && !type.IsDefined(typeof(System.Runtime.CompilerServices.IsReadOnlyAttribute))
        && type.GetMethods(BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly)
            .Any(method => !method.IsDefined(typeof(System.Runtime.CompilerServices.IsReadOnlyAttribute)));
}
