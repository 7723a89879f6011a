// The time-skipping Temporal server, the workflow bundle and the workers of workflow tests.
// C1. Its clock is one for all workflows: one environment a test file, tests one after the other,
//     only relative times.
// C2. While it may skip, a moment without any work makes it jump to the next timer there is, and
//     that may be the end of the ten years that a waiting workflow has: it times out. So a result
//     is awaited in real time, and time is skipped only where there is a timer to wait for.
// C3. A worker of workflows begins with a thread that loads the SDK and the bundle, the better part
//     of a second of a core. So tests of a file share one a mode, and one that replays at the end.

import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import {
  DefaultLogger,
  makeTelemetryFilterString,
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
] as const satisfies readonly { readonly mode: string; readonly workerOptions: WorkerMode }[];

/** What the two modes differ in. */
export type WorkerMode = Pick<WorkerOptions, 'maxCachedWorkflows'>;

export interface WorkflowServer {
  readonly client: Client;
  readonly nativeConnection: NativeConnection;
  readonly clock: SkippingClock;
  /** Task queue of the worker of this mode, which runs from here to the end of the file (C3). */
  workflowQueue(mode: WorkerMode): Promise<string>;
  /** Fails the file at its end, by the name of this test, when one of them differs then (C3). */
  replayAtEnd(histories: readonly NamedHistory[]): void;
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
  // The test server is older than what the SDK's core warns of, once for each worker.
  const logging = { filter: makeTelemetryFilterString({ core: 'ERROR' }) };
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging } });
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
  const workers = new Map<string, Promise<RunningWorker>>();
  const replays: Replay[] = [];
  return {
    client: new Client({ connection, namespace }),
    nativeConnection,
    clock,
    workflowQueue: async (mode) => {
      const taskQueue = `workflows-${mode.maxCachedWorkflows ?? 'cached'}`;
      const running =
        workers.get(taskQueue) ?? runWorkflowWorker({ nativeConnection }, taskQueue, mode);
      workers.set(taskQueue, running);
      await running;
      return taskQueue;
    },
    replayAtEnd: (histories) => {
      const { currentTestName = 'no test' } = expect.getState();
      replays.push(...histories.map((history) => ({ ...history, test: currentTestName })));
    },
    stop: async () => {
      try {
        await Promise.all([...workers.values()].map(async (worker) => (await worker).stop()));
        await replayAll(replays);
        await connection.close();
        // Refused while a worker of a test that hangs still runs.
        await nativeConnection.close();
      } finally {
        await skipping.stop();
      }
    },
  };
}

/** Runs the body with a worker for the activities of one cluster. */
export async function withActivityWorker(
  server: WorkflowServer,
  cluster: ClusterName,
  activities: AscentActivities,
  body: () => Promise<void>,
): Promise<void> {
  const worker = await runActivityWorker(server, cluster, activities);
  try {
    await body();
  } finally {
    await worker.stop();
  }
}

interface Replay extends NamedHistory {
  /** That asked for it. */
  readonly test: string;
}

/** Replays histories with the workflows as they are now; none may differ. */
async function replayAll(replays: readonly Replay[]): Promise<void> {
  if (replays.length === 0) return;
  const broken: string[] = [];
  const testOf = new Map(replays.map(({ runId, test }) => [runId, test]));
  const options = { workflowBundle: workflowBundle() };
  for await (const { runId, workflowId, error } of Worker.runReplayHistories(options, replays)) {
    if (error === undefined) continue;
    broken.push(`${testOf.get(runId) ?? 'no test'}: ${workflowId}: ${error.message}`);
  }
  expect(broken).toEqual([]);
}

interface RunningWorker {
  stop(): Promise<void>;
}

/** Runs workflows of `taskQueue` until `stop`. */
export async function runWorkflowWorker(
  { nativeConnection }: Pick<WorkflowServer, 'nativeConnection'>,
  taskQueue: string,
  mode: WorkerMode,
): Promise<RunningWorker> {
  const worker = await Worker.create({
    connection: nativeConnection,
    namespace,
    taskQueue,
    workflowBundle: workflowBundle(),
    ...mode,
  });
  return untilStopped(worker);
}

/** Runs the activities of one cluster until `stop`. Cancellations arrive within 0.1 s. */
export async function runActivityWorker(
  { nativeConnection }: WorkflowServer,
  cluster: ClusterName,
  activities: AscentActivities,
): Promise<RunningWorker> {
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

function untilStopped(worker: Worker): RunningWorker {
  const running = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await running;
    },
  };
}
