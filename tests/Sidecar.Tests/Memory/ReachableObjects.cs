using System.Reflection;

namespace Sidecar.Tests.Memory;

/// <summary>
/// Counts what an object holds: itself, what its fields refer to, and so on; of arrays each element. Unlike the memory of the process
/// this is not changed by what other tests do.
/// </summary>
internal static class ReachableObjects
{
    private const BindingFlags Fields = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;

    public static int Count(object root)
    {
        var seen = new HashSet<object>(ReferenceEqualityComparer.Instance);
        var count = 0;
        var left = new Stack<object>([root]);
        while (left.TryPop(out var one))
        {
            // Types and code belong to the runtime. A struct in a field comes as a box of its own each time, and so does not count.
            if (one is MemberInfo or Delegate or Pointer || one.GetType().IsPrimitive || (!one.GetType().IsValueType && !seen.Add(one)))
                continue;
            count += one is Array array ? 1 + array.Length : one.GetType().IsValueType ? 0 : 1;
            foreach (var next in Next(one))
            {
                if (next is not null)
                    left.Push(next);
            }
        }
        return count;
    }

    private static IEnumerable<object?> Next(object one)
    {
        if (one is string)
            yield break;
        if (one is Array array)
        {
            if (array.GetType().GetElementType()!.IsPrimitive)
                yield break;
            foreach (var element in array)
                yield return element;
            yield break;
        }
        for (var type = one.GetType(); type is not null; type = type.BaseType)
        {
            foreach (var field in type.GetFields(Fields))
            {
                if (!field.FieldType.IsPrimitive && !field.FieldType.IsPointer && !field.FieldType.IsByRefLike)
                    yield return field.GetValue(one);
            }
        }
    }
}
