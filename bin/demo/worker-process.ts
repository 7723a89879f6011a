// The demo's worker: a process of its own, so that it can be killed and started again, and stays
// with --keep. It is recorded among the lab's processes: `ascent lab down` ends it, too.

import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import type { Client } from '@temporalio/client';

import { clusterTaskQueue, workflowTaskQueue } from '../../domain/activity-contract';
import type { ClusterName } from '../../domain/names';
import { labLayout } from '../../lab/layout';
import { identify, recordProcess } from '../../lab/process-identity';
import { builtFile } from './built-file';
import { workerEnvironment, workerNodeFlags } from '../worker-runtime';

export interface WorkerProcess {
  readonly pid: number;
  readonly logFile: string;
  /** SIGTERM, and SIGKILL when that is not enough. Safe to repeat. */
  stop(): Promise<void>;
}

const readyMs = 60_000;
const stopMs = 10_000;
const pollMs = 100;
const tailLines = 15;

// temporal.api.enums.v1.TaskQueueType
const workflowQueueType = 1;
const activityQueueType = 2;

export interface WorkerOptions {
  readonly stateDir: string;
  readonly cluster: string;
  readonly accessFile: string;
  readonly temporalAddress: string;
  /** Of its log and its record, for a second one beside it; default `worker`. */
  readonly name?: string;
  /** Ctrl-C while it starts: the process is ended. */
  readonly signal?: AbortSignal | undefined;
}

/** Starts a worker and resolves when Temporal sees it poll both of its queues. */
export async function startWorker(client: Client, options: WorkerOptions): Promise<WorkerProcess> {
  const layout = labLayout(options.stateDir);
  const name = options.name ?? 'worker';
  const logFile = path.join(layout.logs, `${name}.log`);
  const log = await open(logFile, 'a', 0o600);
  const child = spawn(
    process.execPath,
    [...workerNodeFlags, builtFile('bin/ascent.js'), 'worker', '--access', options.accessFile],
    {
      // A group of its own: Ctrl-C reaches the demo, which then ends the worker in order.
      detached: true,
      env: {
        ...process.env,
        ...workerEnvironment,
        TEMPORAL_ADDRESS: options.temporalAddress,
      },
      stdio: ['ignore', log.fd, log.fd],
    },
  );
  await log.close();
  if (child.pid === undefined) throw new Error('the worker could not be started');
  const identity = identify(child.pid);
  if (identity !== undefined) await recordProcess(layout.processes, name, identity);
  child.unref();
  await untilPolling(client, child, { ...options, logFile });
  return { pid: child.pid, logFile, stop: () => stop(child) };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

/** By this process: for minutes Temporal tells of workers that have ended, too. */
async function isPolled(
  client: Client,
  pid: number | undefined,
  { name, taskQueueType }: { readonly name: string; readonly taskQueueType: number },
): Promise<boolean> {
  const { namespace } = client.options;
  const answer = await client.workflowService.describeTaskQueue({
    namespace,
    taskQueue: { name },
    taskQueueType,
  });
  // The SDK's default identity is PID@HOST.
  return (answer.pollers ?? []).some(({ identity }) => identity?.startsWith(`${pid}@`) === true);
}

/** The last lines of the log, which goes away with the lab. */
async function tail(logFile: string): Promise<string> {
  const lines = (await readFile(logFile, 'utf8')).trimEnd().split('\n');
  return lines.slice(-tailLines).join('\n');
}

async function untilPolling(
  client: Client,
  child: ChildProcess,
  options: WorkerOptions & { readonly logFile: string },
): Promise<void> {
  const deadline = performance.now() + readyMs;
  const activities = clusterTaskQueue(options.cluster as ClusterName);
  while (performance.now() < deadline) {
    if (hasEnded(child)) {
      throw new Error(`the worker ended with ${child.exitCode}: ${await tail(options.logFile)}`);
    }
    const polled = await Promise.all([
      isPolled(client, child.pid, { name: workflowTaskQueue, taskQueueType: workflowQueueType }),
      isPolled(client, child.pid, { name: activities, taskQueueType: activityQueueType }),
    ]);
    if (polled.every(Boolean)) return;
    if (options.signal?.aborted === true) {
      await stop(child);
      options.signal.throwIfAborted();
    }
    await sleep(pollMs);
  }
  await stop(child);
  const said = await tail(options.logFile);
  throw new Error(`the worker polled nothing in ${readyMs / 1_000} s: ${said}`);
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), stopMs);
  await ended;
  clearTimeout(timer);
}
