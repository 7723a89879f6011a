// What the server knows of activities that do not get on: workflows cannot see it themselves. The
// workflow only knows that it waits; whether a worker took the task, and how often it failed, is
// in the pending activities of its description.

import type { WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time';

import type { UnsettledActivity } from '../domain/status/progress';

type PendingActivity = NonNullable<
  WorkflowExecutionDescription['raw']['pendingActivities']
>[number];

/** A worker with a free slot takes a task within a second; a restarting one within ten. */
const takenWithinMs = 30_000;

/** An attempt that goes on for so long is not about to fail as the last one: requests take 30 s. */
const settledAfterMs = 60_000;

/** Of temporal.api.enums.v1.PendingActivityState. */
const scheduledState = 1;
const startedState = 2;

/** Of temporal.api.enums.v1.TimeoutType; the server's own texts only name the type. */
const timeoutTexts = new Map<number, string>([
  [1, 'it did not end in time'],
  [4, 'its worker stopped answering'],
]);

/** The activities of one workflow that nobody takes, or that failed and are tried again. */
export function unsettledActivities(
  { workflowId, raw }: Pick<WorkflowExecutionDescription, 'workflowId' | 'raw'>,
  nowMs: number,
): readonly UnsettledActivity[] {
  return (raw.pendingActivities ?? []).flatMap((pending) => {
    const activity = pending.activityType?.name ?? 'activity';
    const state = untakenSince(pending, nowMs) ?? failing(pending, nowMs);
    return state === undefined ? [] : [{ ...state, activity, workflowId }];
  });
}

/** In a back-off the scheduled time is that of the next attempt, and still to come. */
function untakenSince(pending: PendingActivity, nowMs: number) {
  const sinceMs = optionalTsToMs(pending.scheduledTime);
  if (pending.state !== scheduledState || sinceMs === undefined) return undefined;
  return nowMs - sinceMs < takenWithinMs ? undefined : ({ code: 'not-taken', sinceMs } as const);
}

function failing(pending: PendingActivity, nowMs: number) {
  const { attempt, lastFailure } = pending;
  const message = lastFailure?.message;
  if (typeof message !== 'string' || attempt === undefined || attempt === null) return undefined;
  if (attempt < 2 || isLongInHand(pending, nowMs)) return undefined;
  const timeout = timeoutTexts.get(lastFailure?.timeoutFailureInfo?.timeoutType ?? 0);
  return { code: 'failing', failures: attempt - 1, message: timeout ?? message } as const;
}

/** The failure of the attempt before is of the past then: a drain may go on for half an hour. */
function isLongInHand({ state, lastStartedTime }: PendingActivity, nowMs: number): boolean {
  const sinceMs = optionalTsToMs(lastStartedTime);
  return state === startedState && sinceMs !== undefined && nowMs - sinceMs >= settledAfterMs;
}
