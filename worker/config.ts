// The worker's configuration: read once, checked as a whole, frozen. What the caller gives (flags
// of `ascent worker`) wins over the environment. How Temporal is reached is not configured here:
// that is @temporalio/envconfig's business (connection.ts), with TEMPORAL_* and its profiles.
// C1. All problems are told at once, each with the flag or variable, its value and what it may be.
// C2. No value in here is a secret; credentials stay in the files that access files name.

import path from 'node:path';

import { z } from 'zod';

import { WorkerError } from './worker-error';

/** Which halves of the work this process takes. */
type WorkerPart = 'both' | 'workflows' | 'activities';

export interface WorkerConfig {
  /** Access files of the clusters whose activities run here; empty only for `workflows`. */
  readonly accessFiles: readonly string[];
  readonly only: WorkerPart;
  /** Workflows kept in memory between their tasks; about 0.25 MB each. */
  readonly maxCachedWorkflows: number;
  /** Activities of one cluster at the same time: nodes being drained, mostly. */
  readonly maxConcurrentActivities: number;
  /** Time for running activities to end by themselves at shutdown; then they are cancelled. */
  readonly shutdownGraceMs: number;
  /** Time for cancelled activities to write their checkpoint; then the worker gives up. */
  readonly shutdownForceMs: number;
  /** How long the worker waits for Temporal at its start. */
  readonly connectTimeoutMs: number;
  /** `host:port` for Prometheus; undefined: no metrics are served. */
  readonly metricsAddress: string | undefined;
  /** `host:port` for /healthz and /readyz; undefined: they are not served. */
  readonly healthAddress: string | undefined;
  readonly logLevel: 'ERROR' | 'WARN' | 'INFO' | 'DEBUG' | 'TRACE';
  readonly logFormat: 'text' | 'json';
}

/** What the caller gives, as text; undefined leaves it to the environment. */
export type WorkerFlags = { readonly [Key in keyof Settings]?: string | undefined } & {
  /** Paths; each may be given once. Undefined leaves it to the environment. */
  readonly access?: readonly string[] | undefined;
};

interface Setting<Value> {
  readonly flag: string;
  readonly variable: string;
  readonly schema: z.ZodType<Value, string>;
  /** Completes `expected …`. */
  readonly expected: string;
  readonly fallback: Value;
}

function count(low: number, high: number): Pick<Setting<number>, 'schema' | 'expected'> {
  return {
    schema: z.string().regex(/^\d+$/).transform(Number).pipe(z.int().min(low).max(high)),
    expected: `an integer from ${low} to ${high}`,
  };
}

function oneOf<Value extends string>(
  values: readonly [Value, ...Value[]],
): Pick<Setting<Value>, 'schema' | 'expected'> {
  return {
    schema: z.enum(values),
    expected: `one of ${values.join(', ')}`,
  };
}

const address: Pick<Setting<string | undefined>, 'schema' | 'expected'> = {
  schema: z.string().refine(isAddress),
  expected: 'HOST:PORT, such as 127.0.0.1:9464',
};

function isAddress(text: string): boolean {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  return match !== null && Number(match[2]) <= 65_535;
}

const settings = {
  only: {
    flag: '--only',
    variable: 'ASCENT_ONLY',
    ...oneOf<WorkerPart>(['both', 'workflows', 'activities']),
    fallback: 'both',
  },
  maxCachedWorkflows: {
    flag: '--max-cached-workflows',
    variable: 'ASCENT_MAX_CACHED_WORKFLOWS',
    ...count(2, 10_000),
    fallback: 250,
  },
  maxConcurrentActivities: {
    flag: '--max-concurrent-activities',
    variable: 'ASCENT_MAX_CONCURRENT_ACTIVITIES',
    ...count(1, 2_000),
    fallback: 100,
  },
  shutdownGraceMs: {
    flag: '--shutdown-grace-ms',
    variable: 'ASCENT_SHUTDOWN_GRACE_MS',
    ...count(0, 3_600_000),
    fallback: 5_000,
  },
  shutdownForceMs: {
    flag: '--shutdown-force-ms',
    variable: 'ASCENT_SHUTDOWN_FORCE_MS',
    ...count(1_000, 3_600_000),
    fallback: 30_000,
  },
  connectTimeoutMs: {
    flag: '--connect-timeout-ms',
    variable: 'ASCENT_CONNECT_TIMEOUT_MS',
    ...count(0, 3_600_000),
    fallback: 30_000,
  },
  metricsAddress: {
    flag: '--metrics-address',
    variable: 'ASCENT_METRICS_ADDRESS',
    ...address,
    fallback: undefined,
  },
  healthAddress: {
    flag: '--health-address',
    variable: 'ASCENT_HEALTH_ADDRESS',
    ...address,
    fallback: undefined,
  },
  logLevel: {
    flag: '--log-level',
    variable: 'ASCENT_LOG_LEVEL',
    ...oneOf<WorkerConfig['logLevel']>(['ERROR', 'WARN', 'INFO', 'DEBUG', 'TRACE']),
    fallback: 'INFO',
  },
  logFormat: {
    flag: '--log-format',
    variable: 'ASCENT_LOG_FORMAT',
    ...oneOf<WorkerConfig['logFormat']>(['text', 'json']),
    fallback: 'text',
  },
} as const satisfies {
  readonly [Key in keyof Settings]: Setting<Settings[Key]>;
};

type Settings = Omit<WorkerConfig, 'accessFiles'>;

const accessFlag = '--access';
/** One path, or several with the separator that PATH has on this system. */
const accessVariable = 'ASCENT_ACCESS';

/**
 * Reads flags and environment. Throws WorkerError `config-invalid` with every problem. An empty
 * variable counts as absent; an empty flag does not.
 */
export function readWorkerConfig(options: {
  readonly flags: WorkerFlags;
  readonly env: Readonly<Record<string, string | undefined>>;
}): WorkerConfig {
  const problems: string[] = [];
  const read = <Value>(setting: Setting<Value>, given: string | undefined): Value => {
    const text = given ?? emptyAsAbsent(options.env[setting.variable]);
    if (text === undefined) return setting.fallback;
    const parsed = setting.schema.safeParse(text);
    if (parsed.success) return parsed.data;
    const name = given === undefined ? setting.variable : setting.flag;
    problems.push(`${name} is "${text}", expected ${setting.expected}`);
    return setting.fallback;
  };
  const { flags } = options;
  const config: WorkerConfig = {
    accessFiles: accessFilesOf(flags.access, options.env[accessVariable]),
    only: read<WorkerPart>(settings.only, flags.only),
    maxCachedWorkflows: read(settings.maxCachedWorkflows, flags.maxCachedWorkflows),
    maxConcurrentActivities: read(settings.maxConcurrentActivities, flags.maxConcurrentActivities),
    shutdownGraceMs: read(settings.shutdownGraceMs, flags.shutdownGraceMs),
    shutdownForceMs: read(settings.shutdownForceMs, flags.shutdownForceMs),
    connectTimeoutMs: read(settings.connectTimeoutMs, flags.connectTimeoutMs),
    metricsAddress: read(settings.metricsAddress, flags.metricsAddress),
    healthAddress: read(settings.healthAddress, flags.healthAddress),
    logLevel: read<WorkerConfig['logLevel']>(settings.logLevel, flags.logLevel),
    logFormat: read<WorkerConfig['logFormat']>(settings.logFormat, flags.logFormat),
  };
  if (config.only !== 'workflows' && config.accessFiles.length === 0) {
    problems.push(
      `${accessFlag} and ${accessVariable} are missing, expected the access file of a cluster` +
        ` (without one: ${settings.only.flag} workflows)`,
    );
  }
  if (problems.length === 0) return Object.freeze(config);
  throw new WorkerError({
    code: 'config-invalid',
    message: 'the worker is not configured correctly',
    remedy: 'correct what is named above; docs/operate.md lists every setting',
    problems,
  });
}

function accessFilesOf(
  given: readonly string[] | undefined,
  variable: string | undefined,
): readonly string[] {
  const files = given ?? (variable ?? '').split(path.delimiter);
  return [...new Set(files.filter((file) => file !== ''))];
}

function emptyAsAbsent(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
