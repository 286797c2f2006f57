namespace Engine.PropertyTests.MmsimTests;

/// <summary>Bugs to plant in the model, to see that the property can fail.</summary>
internal enum NaiveLackeyBug
{
    None,
    UpperCase,
    SizeZero,
}
