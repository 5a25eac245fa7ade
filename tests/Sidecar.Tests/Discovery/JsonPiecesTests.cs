using System.Text;
using System.Text.Json;
using Sidecar.Discovery;

namespace Sidecar.Tests.Discovery;

/// <summary>Lists and watches are cut into the same pieces wherever the network cuts them.</summary>
public sealed class JsonPiecesTests
{
    private static readonly byte[] List = Encoding.UTF8.GetBytes(
        Samples.SlicesPage("TOKEN", Samples.Slice("a", "10.0.0.1", "10.0.0.2"), Samples.Slice("ü\\n", "10.0.0.3")));

    [Fact]
    public void A_list_gives_the_same_parts_whatever_the_blocks()
    {
        var whole = ListText.Parts(List, List.Length, out var pieces);
        Assert.True(pieces.IsWhole);
        Assert.True(pieces.HasItems);
        Assert.Equal(["kind", "metadata", "items", "items"], whole.Select(p => p.Field));
        Assert.Equal("\"EndpointSliceList\"", whole[0].Text);
        Assert.Equal("TOKEN", JsonFields.Read(Encoding.UTF8.GetBytes(whole[1].Text), metadata => metadata.Text("continue")));
        for (var block = 1; block <= 64; block++)
            Assert.Equal(whole, ListText.Parts(List, block, out _));
        for (var cut = 1; cut < List.Length; cut++)
            Assert.Equal(whole, ListText.Parts(List, cut, out _));
    }

    [Fact]
    public void A_list_cut_at_any_byte_is_not_whole()
    {
        var end = Array.LastIndexOf(List, (byte)'}');
        for (var length = 0; length <= end; length++)
        {
            ListText.Parts(List[..length], int.MaxValue, out var pieces);
            Assert.False(pieces.IsWhole);
        }
    }

    [Theory]
    [InlineData("""{"kind":"EndpointSliceList","metadata":{},"items":[]}""", true)]
    [InlineData("""{"items":null,"kind":"EndpointSliceList"}""", true)]
    [InlineData("""{"kind":"EndpointSliceList","other":{"items":[1]},"more":[{"kind":"x"}],"text":"y"}""", false)]
    public void Other_fields_are_passed_over(string json, bool hasItems)
    {
        var parts = ListText.Parts(Encoding.UTF8.GetBytes(json), 3, out var pieces);
        Assert.DoesNotContain("items", parts.Select(p => p.Field));
        Assert.Equal("\"EndpointSliceList\"", Assert.Single(parts, p => p.Field == "kind").Text);
        Assert.Equal((true, hasItems), (pieces.IsWhole, pieces.HasItems));
    }

    [Theory]
    [InlineData("[]", "it is not an object")]
    [InlineData("null ", "it is not an object")]
    [InlineData("\"text\"", "it is not an object")]
    [InlineData("""{"items":{}}""", "items is not a list")]
    [InlineData("""{"items":"a"}""", "items is not a list")]
    public void What_is_no_list_is_told(string json, string words) =>
        Assert.Contains(words, Assert.Throws<FormatException>(() => ListText.Parts(Encoding.UTF8.GetBytes(json), 2, out _)).Message);

    [Theory]
    [InlineData("<html>")]
    [InlineData("{\"items\":[}")]
    [InlineData("{\"items\":[]} {")]
    [InlineData("{\"kind\":\"a\u0001\"}")]
    [InlineData("{'kind':1}")]
    public void What_is_no_JSON_is_told(string json) =>
        Assert.ThrowsAny<JsonException>(() => ListText.Parts(Encoding.UTF8.GetBytes(json), 2, out _));

    [Fact]
    public void A_watch_gives_its_events_whatever_the_blocks()
    {
        string[] events = ["""{"type":"ADDED","object":{"a":[{}]}}""", """{"type":"BOOKMARK","object":{"b":"}{\"\\"}}""",
            """{"object":null}"""];
        var stream = Encoding.UTF8.GetBytes(string.Join('\n', events) + "\n");
        for (var block = 1; block <= stream.Length; block++)
        {
            var pieces = new JsonPieces(isList: false);
            Assert.Equal(events, ListText.Pieces(pieces, stream, block));
            Assert.True(pieces.IsWhole);
        }
        // Line breaks are no part of the protocol's promise.
        Assert.Equal(events, ListText.Pieces(new JsonPieces(isList: false), Encoding.UTF8.GetBytes(string.Concat(events)), 5));
        for (var length = 1; length < stream.Length; length++)
        {
            var pieces = new JsonPieces(isList: false);
            var whole = ListText.Pieces(pieces, stream[..length], 7).ToList();
            Assert.Equal(events[..whole.Count], whole);
        }
    }

    [Fact]
    public void A_large_object_grows_the_room_and_a_small_one_after_it_gives_it_back()
    {
        var pieces = new JsonPieces(isList: false);
        var large = $$"""{"a":"{{new string('x', 1_000_000)}}"}""";
        var stream = Encoding.UTF8.GetBytes(large + "{}");
        Assert.Equal([large, "{}"], ListText.Pieces(pieces, stream, 4096));
        Assert.InRange(pieces.Room().Length, 1, 64 * 1024);
    }

    [Fact]
    public void An_object_without_end_is_given_up()
    {
        var pieces = new JsonPieces(isList: false);
        var block = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat("1,", 100_000)));
        Assert.Empty(ListText.Pieces(pieces, "["u8.ToArray(), 1));
        var exception = Assert.Throws<FormatException>(() =>
        {
            for (var i = 0; i < 1000; i++)
                Assert.Empty(ListText.Pieces(pieces, block, int.MaxValue));
        });
        Assert.Contains("more than 8 MiB", exception.Message);
    }

    [Theory]
    [InlineData("{\"kind\":\"", "the field kind")]
    [InlineData("{\"other\":[{\"x\":\"", "the field other")]
    [InlineData("{\"other\":[1", "the field other")]
    [InlineData("{\"items\":[{\"metadata\":{\"name\":\"a\",\"annotations\":{\"big\":\"", "the field big")]
    [InlineData("{\"items\":[\"", "the field items")]
    [InlineData("{\"", "a value without a name")]
    public void A_text_without_end_is_given_up_after_a_megabyte_and_its_field_is_named(string start, string field)
    {
        var pieces = new JsonPieces(isList: true);
        foreach (var _ in ListText.Pieces(pieces, Encoding.UTF8.GetBytes(start), int.MaxValue))
        {
        }
        var fed = 0;
        var exception = Assert.Throws<FormatException>(() =>
        {
            while (fed < 30_000_000)
            {
                var room = pieces.Room().Span;
                Assert.InRange(room.Length, 1, 4 * 1024 * 1024);
                room.Fill((byte)'1');
                pieces.Filled(room.Length);
                fed += room.Length;
                Assert.False(pieces.TryNext(out var _));
            }
        });
        Assert.Contains(field, exception.Message);
        Assert.Contains("more than 1 MiB", exception.Message);
        Assert.InRange(fed, 1024 * 1024, 3 * 1024 * 1024);
    }
}
