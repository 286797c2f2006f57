namespace Engine.Bench.Harness;

/// <summary>A workload made of delegates; each is called once a round, so the call costs nothing that counts.</summary>
public sealed class DelegateWorkload : IWorkload
{
    private readonly Func<int, long> run;
    private readonly Action<int>? prepare;
    private readonly Action? dispose;
    private readonly Func<int, long?>? ownNanoseconds;

    /// <summary>Creates a workload.</summary>
    /// <param name="run">See <see cref="IWorkload.Run"/>.</param>
    /// <param name="prepare">See <see cref="IWorkload.Prepare"/>.</param>
    /// <param name="dispose">Called once at the end.</param>
    /// <param name="ownNanoseconds">See <see cref="IWorkload.OwnNanoseconds"/>.</param>
    public DelegateWorkload(Func<int, long> run, Action<int>? prepare = null, Action? dispose = null, Func<int, long?>? ownNanoseconds = null)
    {
        this.ownNanoseconds = ownNanoseconds;
        this.run = run;
        this.prepare = prepare;
        this.dispose = dispose;
    }

    /// <inheritdoc/>
    public void Prepare(int thread) => prepare?.Invoke(thread);

    /// <inheritdoc/>
    public long Run(int thread) => run(thread);

    /// <inheritdoc/>
    public long? OwnNanoseconds(int thread) => ownNanoseconds?.Invoke(thread);

    /// <inheritdoc/>
    public void Dispose() => dispose?.Invoke();
}
