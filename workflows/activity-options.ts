// How long each activity may take and how it is tried again (docs/concepts.md, Durable): one table.
// B1. Attempts are unlimited: restarts of workers and outages of the server consume them. What
//     bounds an activity is the time from its scheduling to its end.
// B2. Terminal failures are non-retryable by themselves (domain/activity-contract.ts, A2), so no
//     list of types stands here.
// B3. Heartbeats repeat by themselves in every activity that has a heartbeat timeout; it says how
//     soon a dead worker is noticed, and 0.8 of it how soon a cancellation arrives.
// B4. A cancelled activity has ended when its cancellation is told: until then it may still change
//     the cluster. The SDK's documentation calls that the default; what it sends is TRY_CANCEL.

import type { ActivityOptions } from '@temporalio/workflow';
import { ActivityCancellationType, proxyActivities } from '@temporalio/workflow';

import { type AscentActivities, clusterTaskQueue } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';

const secondMs = 1_000;
const minuteMs = 60 * secondMs;
const hourMs = 60 * minuteMs;

/** Soon enough for a pause in mid-drain, long enough for a loaded machine (B3). */
const heartbeatMs = 10 * secondMs;

/** How long the first activity of an upgrade waits for a worker before the start is refused. */
export const workerTimeoutMs = 20 * secondMs;

/** Bound of the first planning: somebody waits for the answer. */
export const firstPlanningMs = 90 * secondMs;

/** Bound of a snapshot that a schedule asks for, its wait for a worker included. */
export const scheduledSnapshotMs = 135 * minuteMs;

/** Bound of the look that decides whether a rollback can return nodes before it restores. */
export const apiProbeMs = 45 * secondMs;

/** Bound of the cordon that a person waits for: of the drain of one node, or of its undoing. */
export const askedCordonMs = 90 * secondMs;

/** Bound of the look before a restore while the API is away: every second of it is an outage. */
export const outageNoteMs = 30 * secondMs;

/** A drain fails with `drain-deadline` by itself; this much later Temporal ends it. */
export const drainMarginMs = minuteMs;

/** A comparison ends by itself at its limit; fetching and restoring the snapshot come before. */
export const previewMarginMs = 10 * minuteMs;

/** Tidying up while an upgrade ends: the API may be away, and nobody should wait long. */
export const cleanupMs = minuteMs;

interface Limits {
  /** All attempts together, waits included. */
  readonly totalMs: number;
  /** One attempt. */
  readonly attemptMs: number;
  readonly heartbeats: boolean;
}

const limits: Readonly<Record<keyof AscentActivities, Limits>> = {
  observeCluster: { totalMs: 10 * minuteMs, attemptMs: 2 * minuteMs, heartbeats: true },
  planUpgrade: { totalMs: 10 * minuteMs, attemptMs: 2 * minuteMs, heartbeats: true },
  preflight: { totalMs: 15 * minuteMs, attemptMs: 5 * minuteMs, heartbeats: true },
  lookAtHopToCome: { totalMs: 15 * minuteMs, attemptMs: 5 * minuteMs, heartbeats: true },
  // Its bound is what the plan says.
  pullImages: { totalMs: hourMs, attemptMs: hourMs, heartbeats: true },
  takeSnapshot: { totalMs: 2 * hourMs, attemptMs: hourMs, heartbeats: true },
  pruneSnapshots: { totalMs: 10 * minuteMs, attemptMs: 5 * minuteMs, heartbeats: true },
  findLeaders: { totalMs: 10 * minuteMs, attemptMs: 30 * secondMs, heartbeats: false },
  checkMembers: { totalMs: 5 * minuteMs, attemptMs: 2 * minuteMs, heartbeats: true },
  // As long as its upgrade may take.
  putBackMember: { totalMs: 15 * minuteMs, attemptMs: 15 * minuteMs, heartbeats: true },
  upgradeControlPlaneMember: {
    totalMs: 15 * minuteMs,
    attemptMs: 15 * minuteMs,
    heartbeats: true,
  },
  findEtcdLeader: { totalMs: 10 * minuteMs, attemptMs: 30 * secondMs, heartbeats: false },
  upgradeEtcdMember: { totalMs: 15 * minuteMs, attemptMs: 15 * minuteMs, heartbeats: true },
  putBackEtcdMember: { totalMs: 15 * minuteMs, attemptMs: 15 * minuteMs, heartbeats: true },
  cordonNode: { totalMs: 10 * minuteMs, attemptMs: 30 * secondMs, heartbeats: false },
  // One patch for each node, ten at a time.
  taintWaitingNodes: { totalMs: 10 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
  uncordonNode: { totalMs: 10 * minuteMs, attemptMs: 30 * secondMs, heartbeats: false },
  // It ends by itself after `waitMs`, which is its bound besides the table's.
  admitNodes: { totalMs: 10 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
  drainNode: { totalMs: 30 * minuteMs, attemptMs: 30 * minuteMs, heartbeats: true },
  // A listing, and a few requests for each that was raised.
  endSurges: { totalMs: 10 * minuteMs, attemptMs: 2 * minuteMs, heartbeats: false },
  upgradeNode: { totalMs: 15 * minuteMs, attemptMs: 15 * minuteMs, heartbeats: true },
  // Its bound is what the plan says.
  rollOutPool: { totalMs: 60 * minuteMs, attemptMs: 60 * minuteMs, heartbeats: true },
  replaceMembers: { totalMs: 60 * minuteMs, attemptMs: 60 * minuteMs, heartbeats: true },
  holdRollout: { totalMs: 10 * minuteMs, attemptMs: 30 * secondMs, heartbeats: false },
  verifyNode: { totalMs: 15 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
  verifyCluster: { totalMs: 15 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
  restoreSnapshot: { totalMs: 30 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
  // A rollback goes on without them: they are asked for with bounds of their own.
  noteBeforeRestore: { totalMs: 3 * minuteMs, attemptMs: 3 * minuteMs, heartbeats: true },
  countRestored: { totalMs: 5 * minuteMs, attemptMs: 5 * minuteMs, heartbeats: true },
  unstageRestore: { totalMs: 2 * minuteMs, attemptMs: minuteMs, heartbeats: true },
  // Its bound is the limit of the comparison, which whoever asks may set.
  previewRollBack: { totalMs: 15 * minuteMs, attemptMs: 15 * minuteMs, heartbeats: true },
  drillRollBack: { totalMs: 60 * minuteMs, attemptMs: 30 * minuteMs, heartbeats: true },
  repairEtcdMember: { totalMs: 15 * minuteMs, attemptMs: 10 * minuteMs, heartbeats: true },
};

export interface Call {
  /** What the Temporal UI shows beside the activity. */
  readonly summary: string;
  /** Instead of the table's bound: what the plan allows, in milliseconds. */
  readonly totalMs?: number;
  /** On top of the table's bounds: how long the activity has to watch at least. */
  readonly extraMs?: number;
  /** Fails with SCHEDULE_TO_START when no worker took the first attempt in time. */
  readonly workerTimeoutMs?: number;
}

/** Options of one call; exported for its test. */
export function activityOptions(name: keyof AscentActivities, call: Call): ActivityOptions {
  const limit = limits[name];
  const extraMs = call.extraMs ?? 0;
  const totalMs = (call.totalMs ?? limit.totalMs) + extraMs;
  const attemptMs = call.totalMs ?? limit.attemptMs + extraMs;
  return {
    summary: call.summary,
    scheduleToCloseTimeout: totalMs,
    startToCloseTimeout: Math.min(attemptMs, totalMs),
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    ...(limit.heartbeats ? { heartbeatTimeout: heartbeatMs } : {}),
    ...(call.workerTimeoutMs === undefined ? {} : { scheduleToStartTimeout: call.workerTimeoutMs }),
    retry: {
      initialInterval: secondMs,
      backoffCoefficient: 2,
      maximumInterval: 30 * secondMs,
    },
  };
}

/** One activity of the cluster, to be called with its input. */
export function activity<Name extends keyof AscentActivities>(
  cluster: ClusterName,
  name: Name,
  call: Call,
): AscentActivities[Name] {
  const proxies = proxyActivities<AscentActivities>({
    ...activityOptions(name, call),
    taskQueue: clusterTaskQueue(cluster),
  });
  return proxies[name];
}
