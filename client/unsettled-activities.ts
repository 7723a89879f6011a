// What the server knows of activities that do not get on: workflows cannot see it themselves. The
// workflow only knows that it waits; whether a worker took the task, and how often it failed, is
// in the pending activities of its description.

import type { WorkflowExecutionDescription } from '@temporalio/client';
import { optionalTsToMs } from '@temporalio/common/lib/time';

import type { UnsettledActivity } from '../domain/progress';

type PendingActivity = NonNullable<
  WorkflowExecutionDescription['raw']['pendingActivities']
>[number];

/** A worker with a free slot takes a task within a second; a restarting one within ten. */
const takenWithinMs = 30_000;

/** PENDING_ACTIVITY_STATE_SCHEDULED of temporal.api.enums.v1.PendingActivityState. */
const scheduledState = 1;

/** The activities of one workflow that nobody takes, or that failed and are tried again. */
export function unsettledActivities(
  { workflowId, raw }: Pick<WorkflowExecutionDescription, 'workflowId' | 'raw'>,
  nowMs: number,
): readonly UnsettledActivity[] {
  return (raw.pendingActivities ?? []).flatMap((pending) => {
    const activity = pending.activityType?.name ?? 'activity';
    const state = untakenSince(pending, nowMs) ?? failing(pending);
    return state === undefined ? [] : [{ ...state, activity, workflowId }];
  });
}

/** In a back-off the scheduled time is that of the next attempt, and still to come. */
function untakenSince(pending: PendingActivity, nowMs: number) {
  const sinceMs = optionalTsToMs(pending.scheduledTime);
  if (pending.state !== scheduledState || sinceMs === undefined) return undefined;
  return nowMs - sinceMs < takenWithinMs ? undefined : ({ code: 'not-taken', sinceMs } as const);
}

function failing({ attempt, lastFailure }: PendingActivity) {
  const message = lastFailure?.message;
  if (typeof message !== 'string' || attempt === undefined || attempt === null) return undefined;
  return attempt < 2 ? undefined : ({ code: 'failing', failures: attempt - 1, message } as const);
}
