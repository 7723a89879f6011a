// One way to ask the upgrade of a cluster something: with a deadline, and with every way it can go
// wrong turned into an AscentError. Used by queries, commands and start.

import { setTimeout as sleep } from 'node:timers/promises';

import type { Client, WorkflowExecutionDescription, WorkflowHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';
import { TerminatedFailure, TimeoutFailure } from '@temporalio/common';

import { workflowTaskQueue } from '../domain/activity-contract';
import type { ClusterName } from '../domain/names';
import type { UpgradeResult } from '../domain/status/progress';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { AscentError, EndedOutcome } from './errors';
import {
  TemporalUnreachableError,
  UpgradeFailedError,
  UpgradeNotFoundError,
  WorkerMissingError,
} from './errors';
import { denialOf, hasGrpcCode, isOutage, isWorkflowNotFound } from './temporal-errors';

/** A connected client and what to call the server in messages. */
export interface Session {
  readonly client: Client;
  readonly address: string;
  /** How long a question may take, in milliseconds. */
  readonly callTimeoutMs: number;
}

/** When the caller does not say; a busy worker answers within a second or two. */
export const defaultCallTimeoutMs = 15_000;
const pollerCheckTimeoutMs = 3_000;
const pollerRetryMs = 1_000;
/** Of temporal.api.enums.v1.TaskQueueType: TASK_QUEUE_TYPE_WORKFLOW and _ACTIVITY. */
const queueTypes = { workflow: 1, activity: 2 } as const;

export function upgradeHandle(session: Session, cluster: string): WorkflowHandle {
  return session.client.workflow.getHandle(upgradeWorkflowId(cluster as ClusterName));
}

/**
 * Runs `ask` with a deadline. Throws AscentError: temporal-unreachable, temporal-refused,
 * upgrade-not-found, worker-missing; other errors as they are.
 */
export function callUpgrade<T>(
  session: Session,
  cluster: string,
  ask: (handle: WorkflowHandle) => Promise<T>,
): Promise<T> {
  return callWorkflow(
    session,
    () => ask(upgradeHandle(session, cluster)),
    (cause) => new UpgradeNotFoundError(cluster, cause),
  );
}

/** Likewise for any workflow; `notFound` makes the error for one that does not exist. */
export async function callWorkflow<T>(
  session: Session,
  ask: () => Promise<T>,
  notFound: (cause: unknown) => AscentError,
): Promise<T> {
  const begun = Date.now();
  try {
    return await session.client.withDeadline(begun + session.callTimeoutMs, ask);
  } catch (error) {
    if (isWorkflowNotFound(error)) throw notFound(error);
    throw await explainedError(session, error, Date.now() - begun);
  }
}

/** What Temporal knows of the upgrade; undefined when there never was one. */
export async function findUpgrade(
  session: Session,
  cluster: string,
): Promise<WorkflowExecutionDescription | undefined> {
  try {
    return await callUpgrade(session, cluster, (handle) => handle.describe());
  } catch (error) {
    if (error instanceof UpgradeNotFoundError) return undefined;
    throw error;
  }
}

/**
 * Turns an error of the connection, or of a worker that does not answer, into an AscentError;
 * returns everything else as it is. A deadline alone does not tell whether the server or the
 * worker is silent: if the server still answers, it was the worker.
 */
export async function explainedError(
  session: Session,
  error: unknown,
  waitedMs: number,
): Promise<unknown> {
  const denial = denialOf(error);
  if (denial !== undefined) return denial;
  // The server refuses queries at once when nobody polled lately.
  const noPoller = hasGrpcCode(error, 'failedPrecondition');
  if (!noPoller && !isOutage(error)) return error;
  const pollers = await countWorkflowPollers(session).catch(() => undefined);
  if (pollers === undefined) return new TemporalUnreachableError(session.address, error);
  if (hasGrpcCode(error, 'unavailable', 'resourceExhausted')) {
    return new TemporalUnreachableError(session.address, error);
  }
  return new WorkerMissingError({
    taskQueue: workflowTaskQueue,
    waitedSeconds: Math.round(waitedMs / 1_000),
    cause: error,
  });
}

/**
 * Workers that polled for workflow tasks lately (the server forgets them after about five
 * minutes); undefined when the server cannot tell, as the time-skipping test server.
 */
export function countWorkflowPollers(session: Session): Promise<number | undefined> {
  return countPollers(session, workflowTaskQueue, 'workflow');
}

/** Likewise those that polled for activities of this queue. */
export function countActivityPollers(
  session: Session,
  taskQueue: string,
): Promise<number | undefined> {
  return countPollers(session, taskQueue, 'activity');
}

async function countPollers(
  session: Session,
  taskQueue: string,
  kind: keyof typeof queueTypes,
): Promise<number | undefined> {
  try {
    const answer = await session.client.withDeadline(Date.now() + pollerCheckTimeoutMs, () =>
      session.client.workflowService.describeTaskQueue({
        namespace: session.client.options.namespace,
        taskQueue: { name: taskQueue },
        taskQueueType: queueTypes[kind],
      }),
    );
    return answer.pollers?.length ?? 0;
  } catch (error) {
    if (hasGrpcCode(error, 'unimplemented')) return undefined;
    throw error;
  }
}

/** Nothing is started while nobody would run it (B1). True when the server cannot tell. */
export async function waitForPoller(session: Session, deadline: number): Promise<boolean> {
  for (;;) {
    const pollers = await countWorkflowPollers(session);
    if (pollers === undefined || pollers > 0) return true;
    if (Date.now() + pollerRetryMs >= deadline) return false;
    await sleep(pollerRetryMs);
  }
}

/** What became of an upgrade that Temporal has closed. */
export interface EndOfUpgrade {
  readonly outcome: EndedOutcome;
  readonly result?: UpgradeResult;
}

/** Waits for the end of this chain of runs. Throws UpgradeFailedError when there is no result. */
export async function resultOf(handle: WorkflowHandle, cluster: string): Promise<UpgradeResult> {
  try {
    return (await handle.result()) as UpgradeResult;
  } catch (error) {
    if (error instanceof WorkflowFailedError) {
      throw new UpgradeFailedError(cluster, closedOutcome(error.cause), error.cause);
    }
    throw error;
  }
}

/** How Temporal closed a workflow that has no result. */
export function closedOutcome(cause: unknown): UpgradeFailedError['outcome'] {
  if (cause instanceof TerminatedFailure) return 'terminated';
  if (cause instanceof TimeoutFailure) return 'timed-out';
  return 'failed';
}

/** The end of an upgrade that a message came too late for; undefined while it runs. */
export async function endOf(session: Session, cluster: string): Promise<EndOfUpgrade | undefined> {
  const description = await callUpgrade(session, cluster, (handle) => handle.describe());
  if (description.status.name === 'RUNNING') return undefined;
  try {
    const handle = session.client.workflow.getHandle(description.workflowId, description.runId);
    const result = await session.client.withDeadline(Date.now() + session.callTimeoutMs, () =>
      resultOf(handle, cluster),
    );
    return { outcome: result.outcome, result };
  } catch (error) {
    if (error instanceof UpgradeFailedError) return { outcome: error.outcome };
    throw await explainedError(session, error, session.callTimeoutMs);
  }
}
