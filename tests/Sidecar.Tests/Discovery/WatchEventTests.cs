using System.Net;
using System.Text;
using Sidecar.Discovery;
using Sidecar.Primitives;

namespace Sidecar.Tests.Discovery;

public sealed class WatchEventTests
{
    [Theory]
    [InlineData("ADDED", "Added")]
    [InlineData("MODIFIED", "Modified")]
    [InlineData("DELETED", "Deleted")]
    public void An_event_tells_what_became_of_which_object(string type, string expected)
    {
        var json = $$$"""{"type":"{{{type}}}","object":{"kind":"EndpointSlice","metadata":{"name":"a","namespace":"b","resourceVersion":"12"},"x":1}}""";
        var e = WatchEvent.Read(Encoding.UTF8.GetBytes(json));
        Assert.Equal((expected, "b/a", "12", "EndpointSlice"), (e.Type.ToString(), e.Key, e.Version, e.Kind));
        Assert.StartsWith("{\"kind\"", Encoding.UTF8.GetString(e.Json.Span));
        Assert.EndsWith("\"x\":1}", Encoding.UTF8.GetString(e.Json.Span));
    }

    [Fact]
    public void The_object_may_come_before_the_type() => Assert.Equal("7",
        WatchEvent.Read("""{"object":{"metadata":{"resourceVersion":"7"}},"type":"BOOKMARK"}"""u8.ToArray()).Version);

    [Fact]
    public void An_object_tells_which_it_is_wherever_its_fields_stand()
    {
        var e = WatchEvent.Read("""
            {"type":"ADDED","object":
              {"spec":{"metadata":{"name":"no"}},"metadata":{"resourceVersion":"7","name":"a","namespace":"b"},"kind":"Service"}}
            """u8.ToArray());
        Assert.Equal(("Service", "b/a", "7"), (e.Kind, e.Key, e.Version));
    }

    [Theory]
    [InlineData("""{"kind":"Status","code":410,"reason":"Expired","message":"too old resource version: 1 (4366)"}""", 410)]
    [InlineData("""{"kind":"Status","reason":"Gone"}""", 410)]
    [InlineData("""{"kind":"Status","code":504,"reason":"Timeout","message":"Too large resource version"}""", 504)]
    [InlineData("{}", 500)]
    public void An_error_tells_its_status(string status, int code)
    {
        var e = WatchEvent.Read(Encoding.UTF8.GetBytes($$"""{"type":"ERROR","object":{{status}}}"""));
        Assert.Equal((WatchEventType.Error, (HttpStatusCode)code), (e.Type, e.Status));
    }

    [Theory]
    [InlineData("[]", "it is not an object")]
    [InlineData("null", "an event has no object")]
    [InlineData("""{"type":"ADDED"}""", "an event has no object")]
    [InlineData("""{"type":"ADDED","object":null}""", "no resourceVersion")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"name":"a"}}}""", "no resourceVersion")]
    [InlineData("""{"type":"ADDED","object":{"metadata":{"resourceVersion":"1"}}}""", "no name")]
    [InlineData("""{"type":"BOOKMARK","object":{"metadata":{}}}""", "no resourceVersion")]
    [InlineData("""{"type":"ADDED","object":[]}""", "not an object")]
    [InlineData("""{"type":1,"object":{}}""", "type is not a text")]
    [InlineData("""{"type":"CHANGED","object":{}}""", "no known type")]
    [InlineData("""{"kind":"EndpointSliceList","items":[]}""", "an event has no object")]
    [InlineData("""{"type":"ERROR","object":{"code":"410"}}""", "code is not a number")]
    public void What_is_no_event_is_told(string json, string words) =>
        Assert.Contains(words, Assert.Throws<FormatException>(() => { WatchEvent.Read(Encoding.UTF8.GetBytes(json)); }).Message);
}
