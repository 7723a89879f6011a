// How Node is started for a worker. Measured with 200 nodes (docs/benchmarks.md): most of a
// worker's memory is room that V8 and malloc keep for later, and neither can be told from inside.

/**
 * A young generation of 8 MiB halves instead of growing to 16 and more, and an old one that is
 * collected when it has grown by half: what the API server answers lives for seconds
 * (node --v8-options).
 */
export const workerNodeFlags: readonly string[] = [
  '--max-semi-space-size=8',
  '--heap-growing-percent=50',
];

/** Arenas of malloc are per thread and give little back; two are enough (mallopt(3)). */
export const workerEnvironment: Readonly<Record<string, string>> = { MALLOC_ARENA_MAX: '2' };
