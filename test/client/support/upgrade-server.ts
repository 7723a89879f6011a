// A real Temporal server with the real workflows, over clusters in memory: what the client's tests
// talk to. One server a test file; every test has clusters of its own.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import {
  DefaultLogger,
  makeTelemetryFilterString,
  NativeConnection,
  Runtime,
  Worker,
  type WorkflowBundleOption,
} from '@temporalio/worker';

import { AscentClient } from '../../../client';
import {
  type AscentActivities,
  clusterTaskQueue,
  workflowTaskQueue,
} from '../../../domain/activity-contract';
import type { ClusterName } from '../../../domain/names';
import type { UpgradeSpec } from '../../../domain/spec';
import { killTemporal, temporalDown, temporalUp } from '../../../lab/temporal-server';
import { aCluster, aSpec, clusterName } from '../../support/builders';
import { builtWorkflowBundle } from '../../support/workflow-bundle';
import { ScriptedCluster } from '../../support/workflow-cluster';

export interface StoppableWorker {
  stop(): Promise<void>;
}

export interface UpgradeServer {
  readonly address: string;
  readonly client: AscentClient;
  /** Polls `ascent`. Stopped with the server at the latest. */
  workflowWorker(): Promise<StoppableWorker>;
  /** A cluster of one member and three workers, served unless `isServed` is false. */
  cluster(options?: ServedOptions): Promise<ServedCluster>;
  /** What a killed worker leaves: the server lists it for minutes, and nobody is there. */
  pollAndVanish(): Promise<void>;
  /** All of them, also those of clusters. */
  stopWorkers(): Promise<void>;
  /** SIGKILL; `restart` brings it back with its data. */
  kill(): Promise<void>;
  restart(): Promise<void>;
  close(): Promise<void>;
}

export interface ServedOptions {
  readonly isServed?: boolean;
  /** Activities in the place of scripted ones. */
  readonly instead?: (name: ClusterName) => Partial<AscentActivities>;
}

export interface ServedCluster {
  readonly name: ClusterName;
  readonly cluster: ScriptedCluster;
  readonly spec: UpgradeSpec;
}

let clusters = 0;

export async function startUpgradeServer(): Promise<UpgradeServer> {
  const logger = new DefaultLogger('ERROR');
  // While Temporal is away its Rust core warns about every attempt.
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger, telemetryOptions: { logging: { filter } } });
  const stateDir = await mkdtemp(path.join(tmpdir(), 'ascent-client-'));
  const { address } = await temporalUp({ stateDir });
  const client = await AscentClient.connect({ address, env: {} });
  const connection = await NativeConnection.connect({ address });
  const workers = new Set<StoppableWorker>();
  const run = async (options: {
    readonly taskQueue: string;
    readonly workflowBundle?: WorkflowBundleOption;
    readonly activities?: object;
  }): Promise<StoppableWorker> => {
    const worker = await Worker.create({
      connection,
      maxHeartbeatThrottleInterval: 100,
      defaultHeartbeatThrottleInterval: 100,
      ...options,
    });
    const running = worker.run();
    const stoppable = {
      stop: async () => {
        if (!workers.delete(stoppable)) return;
        worker.shutdown();
        await running;
      },
    };
    workers.add(stoppable);
    return stoppable;
  };
  return {
    address,
    client,
    workflowWorker: () =>
      run({ taskQueue: workflowTaskQueue, workflowBundle: builtWorkflowBundle() }),
    cluster: async ({ isServed = true, instead } = {}) => {
      clusters += 1;
      const name = clusterName(`c${clusters}`);
      const seen = aCluster(name).withMembers(1).withNodes(3).observation();
      const cluster = new ScriptedCluster(seen);
      const spec = aSpec({
        cluster: name,
        hopSoakMs: 0,
        controlPlane: { memberTimeoutMs: 300_000, allowSingleMember: true },
      });
      if (isServed) {
        const activities = { ...cluster.activities(), ...instead?.(name) };
        await run({ taskQueue: clusterTaskQueue(name), activities });
      }
      return { name, cluster, spec };
    },
    pollAndVanish: async () => {
      const poll = () =>
        connection.workflowService.pollWorkflowTaskQueue({
          namespace: 'default',
          taskQueue: { name: workflowTaskQueue },
          identity: 'killed',
        });
      // The server takes no poll that would end sooner.
      await connection.withDeadline(Date.now() + 4_000, poll);
    },
    stopWorkers: async () => {
      await Promise.all([...workers].map((worker) => worker.stop()));
    },
    kill: () => killTemporal({ stateDir }),
    restart: async () => {
      await temporalUp({ stateDir });
    },
    close: async () => {
      await Promise.all([...workers].map((worker) => worker.stop()));
      await client.close();
      await connection.close();
      await temporalDown({ stateDir });
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Looks at the upgrade until it is so; fails after `timeoutMs`. */
export async function untilProgress<T>(
  client: AscentClient,
  cluster: string,
  see: (progress: Awaited<ReturnType<AscentClient['progress']>>) => T | undefined,
  timeoutMs = 30_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const progress = await client.progress(cluster);
    const seen = see(progress);
    if (seen !== undefined) return seen;
    if (Date.now() > deadline) throw new Error(`never seen: ${progress.status.sentence}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
