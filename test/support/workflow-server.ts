// The time-skipping Temporal server, the workflow bundle and the workers of workflow tests.
// C1. Its clock is one for all workflows: one environment a test file, tests one after the other,
//     only relative times.
// C2. While it may skip, a moment without any work makes it jump to the next timer there is, and
//     that may be the end of the ten years that a waiting workflow has: it times out. So a result
//     is awaited in real time, and time is skipped only where there is a timer to wait for.

import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import {
  DefaultLogger,
  NativeConnection,
  Runtime,
  Worker,
  type WorkerOptions,
} from '@temporalio/worker';

import { type AscentActivities, clusterTaskQueue } from '../../domain/activity-contract';
import type { ClusterName } from '../../domain/names';
import { allSearchAttributes } from '../../domain/search-attributes';
import { type SkippingClock, startTimeSkippingServer } from './time-skipping-server';
import { workflowBundle } from './workflow-bundle';
import type { NamedHistory } from './workflow-histories';

const namespace = 'default';

/** Every workflow test runs in both: the second replays the whole history for each task. */
export const workerModes = [
  { mode: 'cached', workerOptions: {} },
  { mode: 'replayed on every task', workerOptions: { maxCachedWorkflows: 0 } },
] as const satisfies readonly {
  readonly mode: string;
  readonly workerOptions: Partial<WorkerOptions>;
}[];

export interface WorkflowServer {
  readonly client: Client;
  readonly nativeConnection: NativeConnection;
  readonly clock: SkippingClock;
}

/** Ends a test that hangs, and nothing else: a busy machine is ten times as slow as a quiet one. */
const testMs = 600_000;

/** The very first run on a machine gets the server, which takes up to a minute or two. */
const setUpMs = 600_000;

/** The server of one test file: up before its first test, gone after its last. */
export function useWorkflowServer(): () => WorkflowServer {
  jest.setTimeout(testMs);
  let server: StartedServer | undefined;
  beforeAll(async () => {
    server = await startWorkflowServer();
  }, setUpMs);
  afterAll(async () => {
    await server?.stop();
  }, 300_000);
  return () => {
    if (server === undefined) throw new Error('the server is up in tests only');
    return server;
  };
}

interface StartedServer extends WorkflowServer {
  stop(): Promise<void>;
}

/** Starts the server with the search attributes of upgrades. */
async function startWorkflowServer(): Promise<StartedServer> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const skipping = await startTimeSkippingServer();
  const { address, clock } = skipping;
  const nativeConnection = await NativeConnection.connect({ address });
  const connection = await Connection.connect({ address });
  const keyword: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD = 2;
  const types = allSearchAttributes.map((name) => [name, keyword] as const);
  await connection.operatorService.addSearchAttributes({
    namespace,
    searchAttributes: Object.fromEntries(types),
  });
  return {
    client: new Client({ connection, namespace }),
    nativeConnection,
    clock,
    stop: async () => {
      try {
        await connection.close();
        // Refused while a worker of a test that hangs still runs.
        await nativeConnection.close();
      } finally {
        await skipping.stop();
      }
    },
  };
}

/** Runs the body with workers for the workflows and, unless said otherwise, for one cluster. */
export async function withWorkers(
  server: WorkflowServer,
  options: {
    readonly taskQueue: string;
    readonly workerOptions: Partial<WorkerOptions>;
    readonly cluster: ClusterName;
    readonly activities: AscentActivities;
    readonly hasActivityWorker?: boolean | undefined;
  },
  body: () => Promise<void>,
): Promise<void> {
  const { taskQueue, workerOptions, cluster, activities, hasActivityWorker = true } = options;
  const workers = await Promise.all([
    runWorkflowWorker(server, taskQueue, workerOptions),
    ...(hasActivityWorker ? [runActivityWorker(server, cluster, activities)] : []),
  ]);
  try {
    await body();
  } finally {
    await Promise.all(workers.map((worker) => worker.stop()));
  }
}

/** Replays histories with the workflows as they are now; none may differ. */
export async function expectReplay(histories: readonly NamedHistory[]): Promise<void> {
  const broken: string[] = [];
  const options = { workflowBundle: workflowBundle() };
  for await (const replay of Worker.runReplayHistories(options, histories)) {
    if (replay.error !== undefined) broken.push(`${replay.workflowId}: ${replay.error.message}`);
  }
  expect(broken).toEqual([]);
}

/** Runs workflows of `taskQueue` until `stop`. */
export async function runWorkflowWorker(
  { nativeConnection }: WorkflowServer,
  taskQueue: string,
  options: Partial<WorkerOptions>,
): Promise<{ stop(): Promise<void> }> {
  const worker = await Worker.create({
    connection: nativeConnection,
    namespace,
    taskQueue,
    workflowBundle: workflowBundle(),
    ...options,
  });
  return untilStopped(worker);
}

/** Runs the activities of one cluster until `stop`. Cancellations arrive within 0.1 s. */
export async function runActivityWorker(
  { nativeConnection }: WorkflowServer,
  cluster: ClusterName,
  activities: AscentActivities,
): Promise<{ stop(): Promise<void> }> {
  const worker = await Worker.create({
    connection: nativeConnection,
    namespace,
    taskQueue: clusterTaskQueue(cluster),
    activities,
    maxHeartbeatThrottleInterval: 100,
    defaultHeartbeatThrottleInterval: 100,
  });
  return untilStopped(worker);
}

function untilStopped(worker: Worker): { stop(): Promise<void> } {
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
}
