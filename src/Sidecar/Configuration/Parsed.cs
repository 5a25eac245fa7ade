namespace Sidecar.Configuration;

/// <summary>What a parser says of a text: its value, or what is wrong in words that never repeat the text, which may be secret.</summary>
internal readonly record struct Parsed<T>(T? Value, string? Problem, string? Remedy = null)
{
    public static implicit operator Parsed<T>(T value) => new(value, null);

    public static implicit operator Parsed<T>(Wrong wrong) => new(default, wrong.Problem, wrong.Remedy);
}

/// <summary>The unhappy half of <see cref="Parsed{T}"/>: <c>not a duration</c>.</summary>
/// <param name="Remedy">What to write instead; null for the variable's example.</param>
internal readonly record struct Wrong(string Problem, string? Remedy = null);
