using System.IO.Compression;
using Sidecar.Exposition;
using Sidecar.Http;
using Sidecar.Memory;
using Sidecar.Primitives;
using Sidecar.Queueing;
using Sidecar.Scraping;
using Sidecar.Tests.Http;

namespace Sidecar.Tests.Scraping;

/// <summary>What a target is asked, and which answers are a body.</summary>
public sealed class BodyDownloadTests
{
    private const string Text = "Content-Type: text/plain; version=0.0.4";

    public static TheoryData<string?, string, string?> ContentTypes => new()
    {
        { "text/plain; version=0.0.4; charset=utf-8", "PrometheusText004", null },
        { "text/plain; version=1.0.0; charset=utf-8; escaping=allow-utf-8", "PrometheusText100", null },
        { "application/openmetrics-text; version=1.0.0; charset=utf-8", "OpenMetricsText100", null },
        { "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited", "PrometheusProtoClassic", null },
        { null, "", "the target does not say what it serves: the Content-Type is missing" },
        { "", "", "the target does not say what it serves: the Content-Type is missing" },
        { "text/html; charset=utf-8", "", "the target serves text/html; charset=utf-8, which is no exposition format" },
        { "nonsense", "", "the target serves nonsense, which is no exposition format" },
    };

    [Theory, MemberData(nameof(ContentTypes))]
    public async Task The_content_type_decides_the_format(string? contentType, string format, string? failure)
    {
        await using var server = new RawServer(_ =>
            RawServer.Answer("200 OK", "a 1\n", contentType is null ? [] : [$"Content-Type: {contentType}"]));
        var (body, found) = await GetAsync(server, ScrapeFixture.Options);
        Assert.Equal((failure is null ? FailureReason.None : FailureReason.ContentType, failure is null), (found.Reason, body is not null));
        Assert.Equal(format, body?.Format.ToString() ?? "");
        Assert.StartsWith(failure ?? "", found.Message ?? "");
        body?.Release();
    }

    [Fact]
    public async Task An_empty_answer_needs_no_content_type()
    {
        await using var server = new RawServer(_ => RawServer.Ok(""));
        var (body, failure) = await GetAsync(server, ScrapeFixture.Options);
        Assert.True(failure.IsNone);
        Assert.NotNull(body);
        body.Release();
    }

    [Fact]
    public async Task Protobuf_asked_for_first_turns_native_histograms_on()
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "\0", "Content-Type: application/vnd.google.protobuf"));
        var (body, _) = await GetAsync(server,
            ScrapeFixture.Options with { Protocols = [BodyFormat.PrometheusProto, BodyFormat.PrometheusText004] });
        Assert.Equal(BodyFormat.PrometheusProto, body!.Format);
        body.Release();
    }

    [Fact]
    public async Task Request_headers_are_those_of_prometheus()
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "a 1\n", Text));
        var (body, _) = await GetAsync(server, ScrapeFixture.Options with { Timeout = TimeSpan.FromSeconds(2.5) });
        body!.Release();
        var request = Assert.Single(server.Requests);
        Assert.Equal("GET", request.Method);
        Assert.Equal(ScrapeProtocols.Accept(ScrapeProtocols.Default), request.Header("Accept"));
        Assert.Equal("gzip", request.Header("Accept-Encoding"));
        Assert.Equal("2.5", request.Header("X-Prometheus-Scrape-Timeout-Seconds"));
        Assert.StartsWith("sidecar/", request.Header("User-Agent"));
    }

    [Theory]
    [InlineData(100, FailureReason.None)]
    [InlineData(11, FailureReason.None)]
    [InlineData(10, FailureReason.BodySizeLimit)]
    [InlineData(5, FailureReason.BodySizeLimit)]
    public async Task The_body_counts_uncompressed(long limit, object reason)
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "a 1\nb 234\n", Text));
        var (body, failure) = await GetAsync(server, ScrapeFixture.Options with { BodySizeLimit = limit });
        Assert.Equal((FailureReason)reason, failure.Reason);
        body?.Release();
    }

    [Theory]
    [InlineData("deflate")]
    [InlineData("gzip, gzip")]
    [InlineData("br")]
    public async Task Encodings_that_nobody_asked_for_fail_the_scrape(string encoding)
    {
        await using var server = new RawServer(_ => RawServer.Answer("200 OK", "a 1\n", Text, $"Content-Encoding: {encoding}"));
        var (body, failure) = await GetAsync(server, ScrapeFixture.Options);
        Assert.Null(body);
        Assert.Equal(FailureReason.ContentEncoding, failure.Reason);
    }

    /// <summary>Which variable is too small, for which size, and what it should be.</summary>
    [Theory]
    [InlineData(null, 1 << 16, true, "set it to 1MiB or more")] // 300 kB of gzip with its length
    [InlineData(null, 1 << 16, false, "set it to 1MiB or more")]
    [InlineData("/q", 1 << 19, true, "set it to 1MiB or more")]
    public async Task A_body_that_the_queue_has_no_room_for_says_what_to_set(string? directory, long sizeLimit, bool isGzip, string advice)
    {
        var random = new byte[300_000];
        new Random(1).NextBytes(random);
        var text = string.Concat(random.Select(b => $"a{b} {b}\n"));
        await using var server = new RawServer(_ => isGzip
            ? RawServer.Answer("200 OK", new string('x', 300_000), Text, "Content-Encoding: gzip")
            : RawServer.Answer("200 OK", text, Text));
        var queue = new QueueOptions { Directory = directory, SizeLimit = sizeLimit, AgeLimit = default };
        var (body, failure) = await GetAsync(server, ScrapeFixture.Options, queue);
        Assert.Null(body);
        Assert.Equal(FailureReason.BodySizeLimit, failure.Reason);
        Assert.Contains(advice, failure.Message);
        Assert.Contains("SIDECAR_QUEUE_SIZE_LIMIT=", failure.Message);
        if (isGzip)
            Assert.Contains("300000 bytes", failure.Message);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("/q")]
    public void With_the_size_limit_that_is_advised_the_body_fits(string? directory)
    {
        foreach (var body in new[] { 1L, 1000, 524_288, 4 << 20, (4 << 20) + 1, 100 << 20 })
        {
            var queue = new QueueOptions { Directory = directory, SizeLimit = 1, AgeLimit = default };
            queue = queue with { SizeLimit = queue.SizeLimitFor(body) };
            Assert.True(queue.BodyLimit >= body, $"{body}: {queue.SizeLimit}");
        }
    }

    /// <summary>Small ones are kept as they are, in one block; all read as gzip, however they came.</summary>
    [Theory]
    [InlineData(1, true)]
    [InlineData(CompressedBody.MostStored - 1, true)]
    [InlineData(CompressedBody.MostStored, false)]
    [InlineData(CompressedBody.MostStored + 1, false)]
    [InlineData(BlockPool.BlockSize, false)]
    [InlineData(3 * BlockPool.BlockSize + 1, false)]
    public async Task Plain_text_of_each_size_comes_whole(int size, bool isStored)
    {
        var text = new string([.. Enumerable.Range(0, size).Select(i => (char)('a' + i * 7 % 26))]);
        var chunks = text.Chunk(700).Select(c => $"{c.Length:x}\r\n{new string(c)}\r\n");
        await using var server = new RawServer(_ => $"HTTP/1.1 200 OK\r\n{Text}\r\nTransfer-Encoding: chunked\r\n\r\n{string.Concat(chunks)}0\r\n\r\n");
        var (body, failure) = await GetAsync(server, ScrapeFixture.Options);
        Assert.True(failure.IsNone, failure.Message);
        using (var gunzip = new GZipStream(body!.OpenRead(), CompressionMode.Decompress))
        using (var reader = new StreamReader(gunzip))
            Assert.Equal(text, await reader.ReadToEndAsync(TestContext.Current.CancellationToken));
        if (isStored)
            Assert.Equal((size + 23, BlockPool.BlockSize), (body.Length, body.Capacity));
        body.Release();
    }

    private static async Task<(CompressedBody? Body, Failure Failure)> GetAsync(RawServer server, ScrapeOptions options,
        QueueOptions? queue = null)
    {
        using var client = new PeerClient(new HttpOptions(), 1, TimeProvider.System);
        queue ??= new QueueOptions { SizeLimit = 1 << 21, AgeLimit = TimeSpan.Zero };
        using var bodies = new LargeBodies(queue.BodyLimit);
        var download = new BodyDownload(client, options, queue, bodies, TimeProvider.System);
        using var turn = download.BeginBody();
        return await download.GetAsync(new(server.Url, [], []), turn, TestContext.Current.CancellationToken);
    }
}
