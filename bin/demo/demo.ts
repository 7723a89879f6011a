// The demo: a lab, Temporal, a worker, one upgrade across two minors, and a verdict from outside.
// D1. Whatever it started it stops, on success, failure and Ctrl-C, unless it is told to keep it.
// D2. The verdict comes from observations and from the observer (report.ts), never from the engine.

import { observeCluster } from '../../activities/observe';
import { openCluster } from '../../activities/adapters/open-cluster';
import { AscentClient } from '../../client';
import { connectTemporal } from '../../client/connect';
import type { ClusterName, PoolName } from '../../domain/names';
import type { Plan } from '../../domain/plan/plan';
import type { Observation } from '../../domain/observation';
import type { UpgradeResult } from '../../domain/status/progress';
import { startRefusalSentence } from '../../domain/status/sentences';
import type { UpgradeSpec } from '../../domain/spec';
import type { KubeMinor } from '../../domain/versions';
import { nodeWorkflowId, poolWorkflowId } from '../../domain/workflow-ids';
import { hopWorkflowId } from '../../domain/workflow-ids';
import {
  countInterruptions,
  countPods,
  eventsPerNodeWorkflow,
  listJobs,
  listPods,
  peakRssMb,
} from './figures';
import { bringUp } from './ground';
import type { Ground, GroundOptions } from './ground';
import { connect } from './observer/connection';
import { startObserver } from './observer-process';
import type { Observer } from './observer-process';
import { demoReport } from './report';
import type { DemoReport } from './report';
import { followUpgrade } from './follow';
import type { FollowOptions, FollowScreen } from './follow';

export interface DemoOptions extends GroundOptions, FollowOptions {
  /** Target: `1.30` or an exact release; default `1.30`. */
  readonly to?: string;
  readonly maxUnavailable?: UpgradeSpec['pools'][number]['maxUnavailable'];
  /** Told when everything is up. */
  readonly onGround?: (ground: Ground) => void;
}

/** What the demo needs of the screen. */
export interface DemoScreen extends FollowScreen {
  /** Ends the drawing. */
  done(): void;
  readonly planned?: (plan: Plan) => void;
}

const soakMs = 3_000;
const observeTimeoutMs = 60_000;

/** Two nodes have to hold the pods of the others, where there are so many. */
function maxUnavailableOf(nodes: number): number {
  return Math.max(1, Math.min(3, nodes - 2));
}

/** Soaks of seconds; the limits are those of a real upgrade. */
export function demoSpec(cluster: string, options: DemoOptions): UpgradeSpec {
  const minuteMs = 60_000;
  return {
    apiVersion: 'ascent/v1',
    cluster: cluster as ClusterName,
    target: (options.to ?? '1.30') as KubeMinor,
    via: [],
    approvals: 'between-hops',
    hopSoakMs: soakMs,
    controlPlane: {
      memberTimeoutMs: 5 * minuteMs,
      allowSingleMember: (options.members ?? 3) === 1,
    },
    pools: [
      {
        name: 'workers' as PoolName,
        nodeSelector: {},
        lane: 'every-hop',
        maxUnavailable: options.maxUnavailable ?? maxUnavailableOf(options.nodes ?? 9),
        drain: { timeoutMs: 10 * minuteMs, emptyDirData: 'delete', unmanagedPods: 'refuse' },
        upgradeTimeoutMs: 5 * minuteMs,
        nodeSoakMs: 0,
      },
    ],
  };
}

async function observe({ access, cluster }: Ground): Promise<Observation> {
  const ports = openCluster(access);
  try {
    return await observeCluster({
      cluster: cluster as ClusterName,
      ports,
      signal: AbortSignal.timeout(observeTimeoutMs),
      onPhase: () => undefined,
    });
  } finally {
    await ports.close();
  }
}

/** Ids of every node workflow that the result speaks of (one chunk: the demo's pools are small). */
function nodeWorkflowIds(cluster: string, result: UpgradeResult): readonly string[] {
  const hops = result.outcome === 'blocked' ? [] : result.hops;
  return hops.flatMap(({ hop, nodes }) => {
    const pool = poolWorkflowId(
      hopWorkflowId(cluster as ClusterName, hop),
      'workers' as PoolName,
      0,
    );
    return nodes
      .filter(({ outcome }) => outcome === 'upgraded')
      .map(({ node }) => nodeWorkflowId(pool, node));
  });
}

interface WatchedUpgrade {
  readonly plan: Plan;
  readonly result: UpgradeResult;
  readonly seconds: number;
  /** See countInterruptions. */
  readonly interruptions: number;
}

async function upgradeUnderWatch(
  ground: Ground,
  options: DemoOptions,
  screen: DemoScreen,
): Promise<WatchedUpgrade> {
  const client = await AscentClient.connect({ address: ground.temporalAddress, env: {} });
  try {
    const startedAt = performance.now();
    const started = await client.start(demoSpec(ground.cluster, options), { actor: 'demo' });
    if (started.kind === 'refused') {
      const { refusal } = started;
      throw new Error(
        refusal.code === 'upgrade-conflict'
          ? `another upgrade of ${ground.cluster} runs: ${refusal.differences.join(', ')}`
          : startRefusalSentence(refusal),
      );
    }
    const { plan } = started;
    screen.planned?.(plan);
    const result = await followUpgrade(client, ground, { options, screen });
    const seconds = (performance.now() - startedAt) / 1_000;
    const interruptions = countInterruptions(await client.audit(ground.cluster));
    return { plan, result, seconds, interruptions };
  } finally {
    await client.close();
  }
}

async function longestNodeHistory(ground: Ground, result: UpgradeResult): Promise<number> {
  const temporal = await connectTemporal({ address: ground.temporalAddress, env: {} });
  try {
    return await eventsPerNodeWorkflow(temporal.client, nodeWorkflowIds(ground.cluster, result));
  } finally {
    await temporal.close();
  }
}

async function measured(
  ground: Ground,
  options: DemoOptions,
  context: { readonly screen: DemoScreen; readonly startedAt: number; observer?: Observer },
): Promise<DemoReport> {
  const { screen, startedAt } = context;
  const connection = connect(ground.kubeconfig, 1);
  const before = await observe(ground);
  const podsBefore = await listPods(connection);
  const observer = await startObserver(ground.kubeconfig);
  context.observer = observer;
  const upgrade = await upgradeUnderWatch(ground, options, screen);
  const { plan, result, interruptions } = upgrade;
  screen.done();
  const seen = await observer.report();
  const after = await observe(ground);
  const [podsAfter, jobs] = [await listPods(connection), await listJobs(connection)];
  connection.agent.destroy();
  const events = await longestNodeHistory(ground, result);
  return demoReport({
    target: plan.to,
    before,
    after,
    pods: countPods(podsBefore, podsAfter, jobs),
    result,
    observer: seen,
    timings: {
      ...ground.timings,
      upgrade: upgrade.seconds,
      total: (performance.now() - startedAt) / 1_000,
    },
    eventsPerNodeWorkflow: events,
    interruptions,
    workerPeakRssMb: await peakRssMb(ground.worker.pid),
  });
}

/** Runs the demo to its report. Throws when there is nothing to report; see D1 for what is left. */
export async function runDemo(options: DemoOptions, screen: DemoScreen): Promise<DemoReport> {
  const startedAt = performance.now();
  const ground = await bringUp(options, (text) => screen.line(text));
  const context: Parameters<typeof measured>[2] = { screen, startedAt };
  try {
    options.onGround?.(ground);
    return await measured(ground, options, context);
  } finally {
    screen.done();
    context.observer?.kill();
    if (options.keep === true) await ground.letGo();
    else await ground.tearDown();
  }
}
