namespace Mmsim.Kmem;

/// <summary>A finished replay and what it was made from.</summary>
/// <param name="Name">The trace's name.</param>
/// <param name="Trace">The trace.</param>
/// <param name="Model">The model's memory after the replay.</param>
/// <param name="Replay">The replay.</param>
/// <param name="ReadSeconds">How long reading took on the host.</param>
/// <param name="ReplaySeconds">How long the replay took on the host.</param>
internal sealed record KmemResult(
    string Name, KmemTrace Trace, ModelMemory Model, KmemReplay Replay, double ReadSeconds, double ReplaySeconds)
{
    /// <summary>Events a second of the host, reading and replaying together.</summary>
    public double EventsPerSecond => Trace.Text.EventCount / Math.Max(ReadSeconds + ReplaySeconds, 1e-9);

    /// <summary>The zone that the replay allocated most from.</summary>
    public Engine.Core.Zones.Zone BusiestZone => Model.Pages.Zones.MaxBy(zone => Model.Pages.GetZoneReport(zone).AllocatedPages)!;

    /// <summary>The busiest zone's free memory over time.</summary>
    public IReadOnlyList<FragmentationSample> BusiestSamples => [.. Replay.Samples.Where(sample => sample.Zone == BusiestZone)];
}
