using BenchmarkDotNet.Running;
using Sidecar.Benchmarks;

BenchmarkSwitcher.FromAssembly(typeof(EncodingBenchmarks).Assembly).Run(args);
return 0;
