// The time-skipping Temporal server, the workflow bundle and the workers of workflow tests.
// Its clock is one for all workflows and jumps while a result is awaited: one environment a test
// file, tests one after the other, only relative times.

import type { temporal } from '@temporalio/proto';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import {
  bundleWorkflowCode,
  DefaultLogger,
  Runtime,
  Worker,
  type WorkerOptions,
  type WorkflowBundleWithSourceMap,
} from '@temporalio/worker';
import { resolve } from 'node:path';

import { type AscentActivities, clusterTaskQueue } from '../../domain/activity-contract';
import type { ClusterName } from '../../domain/names';
import { allSearchAttributes } from '../../domain/search-attributes';
import { resolveTestServer } from '../../lab/toolchain/test-server';

const workflowsPath = resolve(__dirname, '../../workflows/index.ts');

/** Every workflow test runs in both: the second replays the whole history for each task. */
export const workerModes = [
  { mode: 'cached', workerOptions: {} },
  { mode: 'replayed on every task', workerOptions: { maxCachedWorkflows: 0 } },
] as const satisfies readonly {
  readonly mode: string;
  readonly workerOptions: Partial<WorkerOptions>;
}[];

export interface WorkflowServer {
  readonly env: TestWorkflowEnvironment;
  readonly bundle: WorkflowBundleWithSourceMap;
}

/** The very first run on a machine gets the server, which takes up to a minute or two. */
const setUpMs = 300_000;

/** The SDK gives an ephemeral server 5 s to answer; a JVM on a busy machine may need longer. */
const startAttempts = 4;

/** The server of one test file: up before its first test, gone after its last. */
export function useWorkflowServer(): () => WorkflowServer {
  let server: WorkflowServer | undefined;
  beforeAll(async () => {
    server = await startWorkflowServer();
  }, setUpMs);
  afterAll(async () => {
    await server?.env.teardown();
  }, 60_000);
  return () => {
    if (server === undefined) throw new Error('the server is up in tests only');
    return server;
  };
}

/** Starts the server with the search attributes of upgrades; stop it with `env.teardown()`. */
async function startWorkflowServer(): Promise<WorkflowServer> {
  const logger = new DefaultLogger('ERROR');
  Runtime.install({ logger });
  const bundle = await bundleWorkflowCode({ workflowsPath, logger });
  const env = await createEnvironment();
  const keyword: temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD = 2;
  const types = allSearchAttributes.map((name) => [name, keyword] as const);
  await env.connection.operatorService.addSearchAttributes({
    ...(env.namespace === undefined ? {} : { namespace: env.namespace }),
    searchAttributes: Object.fromEntries(types),
  });
  return { env, bundle };
}

async function createEnvironment(): Promise<TestWorkflowEnvironment> {
  const { path } = await resolveTestServer();
  const executable = { type: 'existing-path', path } as const;
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await TestWorkflowEnvironment.createTimeSkipping({ server: { executable } });
    } catch (error) {
      if (attempt === startAttempts) throw error;
    }
  }
}

/** Runs workflows of `taskQueue` until `stop`. */
export async function runWorkflowWorker(
  { env, bundle }: WorkflowServer,
  taskQueue: string,
  options: Partial<WorkerOptions>,
): Promise<{ stop(): Promise<void> }> {
  const worker = await Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
    taskQueue,
    workflowBundle: bundle,
    ...options,
  });
  return untilStopped(worker);
}

/** Runs the activities of one cluster until `stop`. Cancellations arrive within 0.1 s. */
export async function runActivityWorker(
  { env }: WorkflowServer,
  cluster: ClusterName,
  activities: AscentActivities,
): Promise<{ stop(): Promise<void> }> {
  const worker = await Worker.create({
    connection: env.nativeConnection,
    namespace: env.namespace ?? 'default',
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
