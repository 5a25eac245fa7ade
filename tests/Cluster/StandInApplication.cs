using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Cluster;

/// <summary>Starts a stand-in's server.</summary>
internal static class StandInApplication
{
    /// <exception cref="IOException">Its port is taken. Nothing is left of it, so that it can be tried again.</exception>
    public static async Task<WebApplication> StartAsync(WebApplicationBuilder builder, RequestDelegate answer)
    {
        var started = builder.Build();
        started.Run(answer);
        try
        {
            await started.StartAsync();
        }
        catch (IOException)
        {
            await started.DisposeAsync();
            throw;
        }
        return started;
    }
}
