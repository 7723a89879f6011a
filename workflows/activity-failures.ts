// Turns what an activity or a child ended with into a FailureInfo of the catalogue.
// F1. Cancellation is not a failure: callers look for it first (isCancellation).
// F2. A code that the activity gave is kept, also when time ran out while it was tried again.

import {
  ActivityFailure,
  ApplicationFailure,
  CancelledFailure,
  ChildWorkflowFailure,
  TimeoutFailure,
} from '@temporalio/workflow';

import type {
  AscentActivities,
  DrainDeadlineDetails,
  DrainProgress,
} from '../domain/activity-contract';
import type { DrainBlocker } from '../domain/blockers';
import { failureInfo } from '../domain/failure-remedies';
import { type FailureCode, failureCodes, type FailureInfo } from '../domain/failures';
import type { StuckPod } from '../domain/drain/force';

/** What a timeout of each activity means when nothing else is known. */
const timeoutCodes: Readonly<Record<keyof AscentActivities, FailureCode>> = {
  observeCluster: 'cluster-unreachable',
  planUpgrade: 'cluster-unreachable',
  preflight: 'cluster-unreachable',
  lookAtHopToCome: 'cluster-unreachable',
  pullImages: 'image-unavailable',
  takeSnapshot: 'snapshot-failed',
  pruneSnapshots: 'snapshot-failed',
  findLeaders: 'cluster-unreachable',
  findEtcdLeader: 'cluster-unreachable',
  checkMembers: 'cluster-unreachable',
  putBackMember: 'member-upgrade-failed',
  upgradeEtcdMember: 'member-upgrade-failed',
  putBackEtcdMember: 'member-upgrade-failed',
  upgradeControlPlaneMember: 'member-upgrade-failed',
  cordonNode: 'cluster-unreachable',
  uncordonNode: 'cluster-unreachable',
  taintWaitingNodes: 'cluster-unreachable',
  admitNodes: 'cluster-unreachable',
  drainNode: 'drain-deadline',
  endSurges: 'cluster-unreachable',
  upgradeNode: 'node-upgrade-failed',
  rollOutPool: 'rollout-failed',
  replaceMembers: 'rollout-failed',
  holdRollout: 'rollout-failed',
  verifyNode: 'node-not-ready',
  verifyCluster: 'verification-failed',
  restoreSnapshot: 'restore-failed',
  noteBeforeRestore: 'cluster-unreachable',
  countRestored: 'cluster-unreachable',
  unstageRestore: 'cluster-unreachable',
  previewRollBack: 'cluster-unreachable',
  drillRollBack: 'unexpected',
  repairEtcdMember: 'etcd-repair-failed',
};

/** The failure behind an error of an activity or child (F2). Never throws. */
export function failureOf(error: unknown): FailureInfo {
  if (error instanceof ActivityFailure) return activityFailure(error);
  if (error instanceof ChildWorkflowFailure) {
    const id = error.execution.workflowId ?? error.workflowType;
    const message = `workflow ${id} ended unexpectedly: ${causeText(error)}`;
    return failureInfo('unexpected', message);
  }
  return failureInfo('unexpected', error instanceof Error ? error.message : String(error));
}

function activityFailure(error: ActivityFailure): FailureInfo {
  const told = applicationFailureIn(error);
  const code = told === undefined ? undefined : catalogued(told.type);
  if (told !== undefined && code !== undefined) return failureInfo(code, told.message);
  const timeout = error.cause instanceof TimeoutFailure ? error.cause : undefined;
  if (timeout?.timeoutType === 'SCHEDULE_TO_START') {
    return failureInfo('worker-missing', `no worker took ${error.activityType} in time`);
  }
  if (timeout === undefined && error.retryState !== 'TIMEOUT') {
    return failureInfo('unexpected', `${error.activityType}: ${causeText(error)}`);
  }
  const codeOfTimeout = timeoutCodes[error.activityType as keyof AscentActivities];
  return failureInfo(
    codeOfTimeout ?? 'unexpected',
    `${error.activityType} did not end in time${lastWords(told, timeout)}`,
  );
}

/** An activity that was taken heartbeats or fails now and then; in a queue it does neither. */
function lastWords(
  told: ApplicationFailure | undefined,
  timeout: TimeoutFailure | undefined,
): string {
  if (told !== undefined) return `; last: ${told.message}`;
  const isSilent =
    timeout?.timeoutType === 'SCHEDULE_TO_CLOSE' && timeout.lastHeartbeatDetails === undefined;
  return isSilent
    ? ', and no worker said anything about it: see first that one serves this cluster'
    : '';
}

/** The innermost failure that an activity threw itself; a timeout may stand before it. */
function applicationFailureIn(error: Error): ApplicationFailure | undefined {
  let current: unknown = error;
  while (current instanceof Error) {
    if (current instanceof ApplicationFailure) return current;
    current = current.cause;
  }
  return undefined;
}

function catalogued(type: string | null | undefined): FailureCode | undefined {
  return failureCodes.find((code) => code === type);
}

function causeText(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : error.message;
}

/** Whether nothing was heard of the activity in time; it did not say itself how it ended. */
export function isTimeout(error: unknown): boolean {
  return error instanceof ActivityFailure && error.cause instanceof TimeoutFailure;
}

/** How far a drain went before it was cancelled or gave up; undefined when it did not say. */
export function drainProgressIn(error: unknown): DrainProgress | undefined {
  if (!(error instanceof ActivityFailure)) return undefined;
  const { cause } = error;
  if (cause instanceof CancelledFailure) return asDrainProgress(cause.details[0]);
  if (cause instanceof TimeoutFailure) return asDrainProgress(cause.lastHeartbeatDetails);
  return asDrainProgress((detailsOf(error) as Partial<DrainDeadlineDetails>).progress);
}

/** What keeps the pods of a node from leaving, as the failed drain said it. */
export function drainBlockersIn(error: unknown): readonly DrainBlocker[] {
  const progress = drainProgressIn(error);
  if (progress !== undefined) return progress.blockers;
  const { blockers } = detailsOf(error);
  return Array.isArray(blockers) ? (blockers as readonly DrainBlocker[]) : [];
}

/** The pods that those blockers name; empty when the drain did not end by itself. */
export function drainPodsIn(error: unknown): readonly StuckPod[] {
  const { pods } = detailsOf(error);
  return Array.isArray(pods) ? (pods as readonly StuckPod[]) : [];
}

/** What the failure that an activity threw itself carries; nothing when there is none. */
function detailsOf(error: unknown): { readonly blockers?: unknown; readonly pods?: unknown } {
  const details = error instanceof Error ? applicationFailureIn(error)?.details?.[0] : undefined;
  return typeof details === 'object' && details !== null ? details : {};
}

function asDrainProgress(value: unknown): DrainProgress | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { evicted, refusals, blockers } = value as Partial<DrainProgress>;
  const isProgress = typeof evicted === 'number' && typeof refusals === 'number';
  return isProgress && Array.isArray(blockers) ? (value as DrainProgress) : undefined;
}
