using System.Text.Encodings.Web;
using System.Text.Json;
using Sidecar.Configuration;
using Sidecar.Http;
using Sidecar.Primitives;
using Sidecar.Serving;

namespace Sidecar.Commands;

/// <summary>The steps of a check: each is written as it ends, or all of them as JSON.</summary>
internal sealed class CheckReport(CommandOutput output, bool isJson)
{
    private const int NameWidth = 14;
    private static readonly JsonWriterOptions Json =
        new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private const string Reset = "\e[0m";

    private readonly List<CheckStep> steps = [];

    public bool IsGood => steps.TrueForAll(s => s.Status is CheckStatus.Ok or CheckStatus.Warning or CheckStatus.Note);
    public int Failed => steps.FindAll(s => s.Status == CheckStatus.Failed).Count;

    /// <summary>Known once the configuration is: a failure of a file names the variable that names the file.</summary>
    public ImmutableArray<Setting> Settings { get; set; } = [];

    /// <summary>Whose steps come; null for those of the whole process.</summary>
    public JobVariables? Job { get; private set; }

    public void Begin(JobVariables? job)
    {
        Job = job is { Name.Length: > 0 } ? job : null;
        if (Job is null || isJson)
            return;
        output.Clear();
        using var text = output.Text();
        text.WriteLine($"job {Job.Name}");
    }

    public void Say(string what) => output.Wait(what);

    /// <summary>Nothing where there is no step.</summary>
    public void Add(CheckStep? step)
    {
        if (step is null)
            return;
        step.Job = Job?.Name;
        step.Advice = Localized(step.Advice);
        if (step.Advice?.Remedy == Advice.FixFile && Settings.FirstOrDefault(s => s.Variable.Type == "file" && s.Value.Length > 0
            && step.Fact.Contains(s.Value, StringComparison.Ordinal)) is { } setting)
            step.Advice = new($"{setting.Name} names {setting.Value}", $"fix the file, or let {setting.Name} name another");
        var advice = step.Advice;
        var isSaid = advice is not null && steps.Exists(s => s.Advice?.Cause == advice.Cause && s.Advice?.Remedy == advice.Remedy);
        steps.Add(step);
        output.Clear();
        if (isJson)
            return;
        using var text = output.Text();
        text.WriteLine($"{Mark(step.Status)} {step.Name,-NameWidth}  {OneLine.Of(step.Fact)}");
        if (isSaid)
            text.WriteLine("    cause and remedy as above");
        else if (advice?.Cause is not null)
            text.WriteLine($"    cause:  {OneLine.Of(advice.Cause)}");
        if (advice is not null && !isSaid)
            text.WriteLine($"    remedy: {OneLine.Of(advice.Remedy)}");
        if (step.Paste is not null && Job is null)
            text.WriteLine(step.Paste); // not indented: the shell wants the end of a here-document at the start of its line
    }

    /// <summary>The last line, or the whole of the JSON.</summary>
    public void End()
    {
        output.Clear();
        if (isJson)
        {
            WriteJson();
            return;
        }
        using var text = output.Text();
        var missing = steps.FindAll(s => s is { Job: not null, Paste: not null });
        if (missing.Count > 0)
        {
            text.WriteLine("The rules that are missing, for all jobs:");
            text.WriteLine(RbacRules.Merge(missing.ConvertAll(s => s.Paste!)));
        }
        text.WriteLine();
        var warnings = steps.FindAll(s => s.Status == CheckStatus.Warning).Count;
        var all = steps.FindAll(s => s.Status != CheckStatus.Note).Count;
        text.WriteLine(!IsGood ? $"{Failed} of {all} steps failed."
            : warnings == 0 ? "All is well." : $"Nothing failed; {warnings} of {all} steps warn{(warnings == 1 ? "s" : "")}.");
    }

    private AdviceText? Localized(AdviceText? advice) => advice is null || Job is null ? advice
        : new(advice.Cause is null ? null : Job.Localize(advice.Cause), Job.Localize(advice.Remedy));

    private string Mark(CheckStatus status)
    {
        var (mark, color) = status switch
        {
            CheckStatus.Ok => ("✓", "\e[32m"),
            CheckStatus.Warning => ("!", "\e[33m"),
            CheckStatus.Failed => ("✗", "\e[31m"),
            CheckStatus.Note => ("·", "\e[2m"),
            _ => ("–", "\e[2m"),
        };
        return output.HasColors ? color + mark + Reset : mark;
    }

    private void WriteJson()
    {
        using var json = new Utf8JsonWriter(output.Results, Json);
        json.WriteStartObject();
        json.WriteBoolean("ok"u8, IsGood);
        json.WriteStartArray("steps"u8);
        foreach (var step in steps)
        {
            json.WriteStartObject();
            json.WriteTexts([("job", step.Job), ("step", step.Name), ("status", Word.Of(step.Status)), ("fact", step.Fact),
                ("reason", step.Reason), ("since", step.Since), ("lost_from", step.LostFrom), ("next_try", step.NextTry),
                ("cause", step.Advice?.Cause), ("remedy", step.Advice?.Remedy), ("paste", step.Paste)]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
        json.Flush();
        output.Results.WriteByte((byte)'\n');
    }
}
