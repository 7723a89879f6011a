// Logs and metrics of the worker process: Temporal's runtime is installed once, before anything
// else of the SDK is used.

import {
  DefaultLogger,
  makeTelemetryFilterString,
  Runtime,
  type LogEntry,
} from '@temporalio/worker';

import type { WorkerConfig } from './config';

type TelemetryConfig = Pick<WorkerConfig, 'logLevel' | 'logFormat' | 'metricsAddress'>;

/** Said by the SDK in every line of an activity; the token is long, and good for completing it. */
const leftOut = new Set(['taskToken', 'isLocal']);

/** One line for one log entry; errors are told by name and message, without their stacks. */
export function logLine(entry: LogEntry, format: WorkerConfig['logFormat']): string {
  const at = new Date(Number(entry.timestampNanos / 1_000_000n)).toISOString();
  const meta = Object.fromEntries(
    Object.entries(entry.meta ?? {})
      .filter(([key]) => !leftOut.has(key))
      .map(([key, value]) => [key, plain(value)]),
  );
  if (format === 'json') {
    return JSON.stringify({ at, level: entry.level, message: entry.message, ...meta });
  }
  const details = Object.keys(meta).length === 0 ? '' : ` ${JSON.stringify(meta)}`;
  return `${at} ${entry.level} ${entry.message}${details}`;
}

function plain(value: unknown): unknown {
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  return typeof value === 'bigint' ? value.toString() : value;
}

/**
 * Installs the runtime. Signals stay with the caller: who owns the process decides when it ends.
 * Throws when the process has a runtime already, or the metrics address is taken.
 */
export function installRuntime(config: TelemetryConfig, write: (line: string) => void): void {
  const { metricsAddress } = config;
  Runtime.install({
    logger: new DefaultLogger(config.logLevel, (entry) => write(logLine(entry, config.logFormat))),
    shutdownSignals: [],
    telemetryOptions: {
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: 'WARN', other: 'ERROR' }) },
      ...(metricsAddress === undefined
        ? {}
        : {
            metrics: {
              prometheus: {
                bindAddress: metricsAddress,
                countersTotalSuffix: true,
                unitSuffix: true,
                useSecondsForDurations: true,
              },
            },
          }),
    },
  });
}
