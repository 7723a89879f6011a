// Composes what one worker process runs: workflows on `ascent`, and the activities of each cluster
// that it has access to on that cluster's own queue.
// W1. An activity worker serves one cluster with one set of connections; nothing is shared between
//     clusters but the process.
// W2. When one worker fails, all end: half a process would look alive.
// W3. At shutdown activities first get time to end by themselves; what is left is cancelled and
//     leaves its checkpoint, so that another worker goes on.

import { Worker, type WorkerOptions } from '@temporalio/worker';

import { type ClusterAccess, isDriven } from '../activities/access';
import { openServedCluster, type ServedCluster } from '../activities/adapters/open-cluster';
import { createActivities } from '../activities/index';
import { PortError } from '../activities/ports';
import { clusterTaskQueue, workflowTaskQueue } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import { readAscentVersion } from './ascent-version';
import type { WorkerConfig } from './config';
import { connectToTemporal, type TemporalSource, type WorkerConnection } from './connection';
import { ensureSearchAttributes } from './search-attributes';
import { WorkerError } from './worker-error';
import { loadWorkflowBundle } from './workflow-bundle';

/** Soon enough that a pause reaches a drain within seconds; at most 20 nodes drain at a time. */
const heartbeatThrottleMs = 2_000;

export interface RunWorkersOptions {
  /** Ignored for `workflows`. */
  readonly accessList: readonly ClusterAccess[];
  readonly config: Pick<
    WorkerConfig,
    | 'only'
    | 'maxCachedWorkflows'
    | 'maxConcurrentActivities'
    | 'shutdownGraceMs'
    | 'shutdownForceMs'
    | 'connectTimeoutMs'
  >;
  readonly temporal: TemporalSource;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Ends the start while it waits; afterwards `shutdown` ends the workers. */
  readonly signal: AbortSignal;
  /** One sentence about what happens at the start. */
  readonly log: (sentence: string) => void;
  /** Instead of the adapters, for tests. */
  readonly openCluster?: (access: ClusterAccess) => ServedCluster;
}

export type WorkerState = ReturnType<Worker['getState']>;

export interface RunningWorkers {
  readonly address: string;
  readonly namespace: string;
  readonly taskQueues: readonly string[];
  /** In the order of taskQueues. */
  states(): readonly WorkerState[];
  /** Runs until `shutdown`, or until a worker fails; then everything is closed. Call it once. */
  run(): Promise<void>;
  /** Ends the workers gracefully (W3). Safe to repeat. */
  shutdown(): void;
}

/**
 * Connects, sees to the search attributes and makes the workers. Throws WorkerError (see its
 * codes); nothing is left open then.
 */
export async function runWorkers(options: RunWorkersOptions): Promise<RunningWorkers> {
  const { config, log } = options;
  const accessList = config.only === 'workflows' ? [] : options.accessList;
  refuseDoubleClusters(accessList);
  const served = await openClusters(accessList, options.openCluster ?? openServedCluster);
  let connected: WorkerConnection;
  try {
    connected = await connectToTemporal({
      source: options.temporal,
      env: options.env,
      timeoutMs: config.connectTimeoutMs,
      signal: options.signal,
      onWaiting: (address) => log(`waiting for Temporal at ${address}`),
    });
  } catch (error) {
    await closeAll(served);
    throw error;
  }
  const parts = new Parts(connected, served);
  try {
    if (config.only !== 'activities') await addWorkflowWorker(parts, options);
    for (const cluster of served) await addActivityWorker(parts, cluster, options);
  } catch (error) {
    await parts.discard();
    throw error;
  }
  return {
    address: connected.address,
    namespace: connected.namespace,
    taskQueues: parts.workers.map((worker) => worker.options.taskQueue),
    states: () => parts.workers.map((worker) => worker.getState()),
    run: () => parts.run(),
    shutdown: () => parts.shutdown(),
  };
}

/** What was opened so far, and how all of it ends. */
class Parts {
  readonly connected: WorkerConnection;
  readonly workers: Worker[] = [];
  private readonly served: readonly Served[];
  private isStopping = false;

  constructor(connected: WorkerConnection, served: readonly Served[]) {
    this.connected = connected;
    this.served = served;
  }

  async add(options: Omit<WorkerOptions, 'connection' | 'namespace'>): Promise<void> {
    const { connection, namespace } = this.connected;
    this.workers.push(await Worker.create({ ...options, connection, namespace }));
  }

  async run(): Promise<void> {
    if (this.isStopping) return this.discard();
    const runs = this.workers.map((worker) => worker.run().finally(() => this.shutdown()));
    await Promise.allSettled(runs);
    await this.close();
    await Promise.all(runs);
  }

  shutdown(): void {
    this.isStopping = true;
    for (const worker of this.workers) {
      if (worker.getState() === 'RUNNING') worker.shutdown();
    }
  }

  /** A worker that never ran holds the connection until it has run for a moment. */
  async discard(): Promise<void> {
    await Promise.allSettled(this.workers.map((worker) => worker.runUntil(Promise.resolve())));
    await this.close();
  }

  private async close(): Promise<void> {
    await closeAll(this.served);
    await this.connected.connection.close();
  }
}

function refuseDoubleClusters(accessList: readonly ClusterAccess[]): void {
  const names = accessList.map(({ cluster }) => cluster);
  const twice = [...new Set(names.filter((name, index) => names.indexOf(name) !== index))];
  if (twice.length === 0) return;
  throw new WorkerError({
    code: 'access-invalid',
    message: `several access files name the same cluster: ${twice.join(', ')}`,
    remedy: 'give one access file for each cluster',
  });
}

interface Served {
  readonly cluster: ClusterName;
  readonly ports: ServedCluster;
  readonly isDriven: boolean;
}

/** Nothing is dialled yet. Throws WorkerError `access-invalid` with what is wrong with each. */
async function openClusters(
  accessList: readonly ClusterAccess[],
  open: (access: ClusterAccess) => ServedCluster,
): Promise<readonly Served[]> {
  const served: Served[] = [];
  const problems: string[] = [];
  for (const access of accessList) {
    try {
      const cluster = access.cluster as ClusterName;
      served.push({ cluster, ports: open(access), isDriven: isDriven(access) });
    } catch (error) {
      if (!(error instanceof PortError)) throw error;
      problems.push(`cluster ${access.cluster}: ${error.message}`);
    }
  }
  if (problems.length === 0) return served;
  await closeAll(served);
  throw new WorkerError({
    code: 'access-invalid',
    message: 'a cluster cannot be reached with what its access file names',
    remedy: 'correct the files that are named above',
    problems,
  });
}

async function closeAll(served: readonly Served[]): Promise<void> {
  await Promise.allSettled(served.map(({ ports }) => ports.close()));
}

async function addWorkflowWorker(parts: Parts, options: RunWorkersOptions): Promise<void> {
  const { connection, namespace } = parts.connected;
  const { config, log } = options;
  const attributes = await ensureSearchAttributes(connection, namespace);
  if (attributes.kind === 'added') log(`added search attributes ${attributes.names.join(', ')}`);
  if (attributes.kind === 'unverified') {
    log(`the server does not list its search attributes; if a start fails: ${attributes.command}`);
  }
  await parts.add({
    taskQueue: workflowTaskQueue,
    workflowBundle: await loadWorkflowBundle(),
    maxCachedWorkflows: config.maxCachedWorkflows,
    shutdownForceTime: config.shutdownForceMs,
  });
}

async function addActivityWorker(
  parts: Parts,
  { cluster, ports, isDriven: hasDriver }: Served,
  { config }: RunWorkersOptions,
): Promise<void> {
  await parts.add({
    taskQueue: clusterTaskQueue(cluster),
    activities: createActivities({
      cluster,
      ports,
      ...(hasDriver ? {} : { driver: 'none' }),
      ascentVersion: readAscentVersion(),
    }),
    maxConcurrentActivityTaskExecutions: config.maxConcurrentActivities,
    maxHeartbeatThrottleInterval: heartbeatThrottleMs,
    shutdownGraceTime: config.shutdownGraceMs,
    shutdownForceTime: config.shutdownGraceMs + config.shutdownForceMs,
  });
}
