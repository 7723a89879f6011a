// One worker process: `ascent worker` calls runWorkerProcess; started by itself
// (`node dist/worker/main.js`) it takes everything from the environment.

import { readAccessFiles } from './access-files';
import { readWorkerConfig, type WorkerConfig, type WorkerFlags } from './config';
import type { TemporalSource } from './connection';
import { type HealthServer, serveHealth } from './health';
import { type RunningWorkers, runWorkers } from './run-workers';
import { installRuntime } from './telemetry';
import { WorkerError, workerErrorText } from './worker-error';

export interface WorkerProcessOptions {
  readonly flags: WorkerFlags;
  readonly temporal: TemporalSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the worker gracefully. */
  readonly signal: AbortSignal;
  /** Takes log lines, without a line break. */
  readonly write: (line: string) => void;
  /** Told when the workers poll. */
  onReady?(taskQueues: readonly string[]): void;
}

/**
 * Runs a worker until `signal`; at most once in a process (Temporal's runtime is installed).
 * Throws WorkerError when it cannot start, and what a worker failed with when it ends by itself.
 */
export async function runWorkerProcess(options: WorkerProcessOptions): Promise<void> {
  const { env, signal, write } = options;
  const config = readWorkerConfig({ flags: options.flags, env });
  const accessList = await readAccessFiles(config.accessFiles);
  installRuntime(config, write);
  const log = (sentence: string): void => write(`${new Date().toISOString()} INFO ${sentence}`);
  let workers: RunningWorkers;
  try {
    const { temporal } = options;
    workers = await runWorkers({ accessList, config, temporal, env, signal, log });
  } catch (error) {
    // Stopped before it began: that is what was asked for.
    if (signal.aborted) return;
    throw error;
  }
  const onAbort = (): void => {
    log('shutting down: activities leave their checkpoints');
    workers.shutdown();
  };
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const health = await serveHealthOf(config, workers);
  try {
    const running = workers.run();
    log(
      `worker ready on ${workers.address}, namespace ${workers.namespace},` +
        ` task queues ${workers.taskQueues.join(', ')}`,
    );
    options.onReady?.(workers.taskQueues);
    await running;
  } finally {
    signal.removeEventListener('abort', onAbort);
    await health?.close();
  }
}

async function serveHealthOf(
  { healthAddress }: WorkerConfig,
  workers: RunningWorkers,
): Promise<HealthServer | undefined> {
  if (healthAddress === undefined) return undefined;
  try {
    return await serveHealth(healthAddress, workers);
  } catch (error) {
    workers.shutdown();
    await workers.run();
    throw new WorkerError({
      code: 'config-invalid',
      message: `health cannot be served on ${healthAddress}`,
      remedy: 'choose a free address of this machine: --health-address, ASCENT_HEALTH_ADDRESS',
      cause: error,
    });
  }
}

async function main(): Promise<void> {
  const controller = new AbortController();
  const onSignal = (name: NodeJS.Signals): void => {
    // Asked a second time: nothing more is waited for.
    if (controller.signal.aborted) process.exit(name === 'SIGINT' ? 130 : 143);
    controller.abort(new Error(name));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  const write = (line: string): void => void process.stderr.write(`${line}\n`);
  await runWorkerProcess({
    flags: {},
    temporal: {},
    env: process.env,
    signal: controller.signal,
    write,
  });
}

if (require.main === module) {
  main().catch((error: unknown) => {
    console.error(error instanceof WorkerError ? workerErrorText(error) : error);
    process.exitCode = 1;
  });
}
