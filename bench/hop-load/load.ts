// What the clients of a hop count, and what they tell the benchmark.

/** `new`: a connection for each request. `kept`: HTTP/1.1 keep-alive. `h2`: one HTTP/2 session. */
export const loadModes = ['new', 'kept', 'h2'] as const;

export interface LoadReport {
  readonly mode: (typeof loadModes)[number];
  requests: number;
  failed: number;
  /** Unprocessed streams that the transport sent again. */
  readonly resent: number;
  /** The first failures, for people. */
  readonly failures: string[];
}

const keptFailures = 20;

export function fail(report: LoadReport, isWrite: boolean, error: unknown): void {
  report.failed += 1;
  if (report.failures.length >= keptFailures) return;
  const why = error instanceof Error ? error.message : String(error);
  const what = `${report.mode} ${isWrite ? 'PATCH' : 'GET'}`;
  report.failures.push(`${new Date().toISOString()} ${what}: ${why}`);
}
