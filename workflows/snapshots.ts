// Snapshots outside of hops: one that somebody, or a schedule, asks for, and the removing of those
// that are more than is to be kept. All of it has the id `snapshot/<cluster>`: one at a time.

import {
  CancellationScope,
  executeChild,
  isCancellation,
  ParentClosePolicy,
  workflowInfo,
} from '@temporalio/workflow';
import { ChildWorkflowFailure, WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

import { failureInfo } from '../domain/failure-remedies';
import type { SnapshotId } from '../domain/names';
import { nameOfRun, snapshotWorkflowId } from '../domain/workflow-ids';
import { failureOf } from './activity-failures';
import { activity, scheduledSnapshotMs, workerTimeoutMs } from './activity-options';
import type {
  PruneEnd,
  PruneSnapshotsInput,
  ScheduledSnapshotEnd,
  SnapshotEnd,
  TakeSnapshotInput,
} from './messages';

/** Taken, sealed, stored and verified as that of a hop is. Cancelled, nothing of it stays. */
export async function takeClusterSnapshot(input: TakeSnapshotInput): Promise<SnapshotEnd> {
  const { cluster, actor, order, workerTimeoutMs: waitMs } = input;
  const kind = order.routine === undefined ? 'asked' : 'routine';
  const snapshotId = nameOfRun(
    `${cluster}-${kind}`,
    workflowInfo().firstExecutionRunId,
  ) as SnapshotId;
  const call = activity(cluster, 'takeSnapshot', {
    summary: `${snapshotId}: ${order.reason}`,
    workerTimeoutMs: waitMs ?? workerTimeoutMs,
  });
  try {
    const snapshot = await call({ cluster, snapshotId, actor, asked: order });
    return { kind: 'taken', snapshot };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'failed', failure: failureOf(error) };
  }
}

/**
 * What a schedule starts. It appends the time to the id of every workflow that it starts, and
 * `snapshot/<cluster>` must stay what it is: the lock. So this workflow has the snapshot taken
 * under that id, and lasts as long: the schedule begins no other meanwhile. Cancelled, so is the
 * snapshot; that somebody cancels the snapshot alone is a reason why there is none.
 */
export async function takeScheduledSnapshot(
  input: TakeSnapshotInput,
): Promise<ScheduledSnapshotEnd> {
  const { cluster, order } = input;
  const workflowId = snapshotWorkflowId(cluster);
  try {
    return await executeChild(takeClusterSnapshot, {
      workflowId,
      args: [input],
      workflowExecutionTimeout: scheduledSnapshotMs,
      parentClosePolicy: ParentClosePolicy.REQUEST_CANCEL,
      staticSummary: `snapshot of ${cluster}: ${order.reason}`,
    });
  } catch (error) {
    if (error instanceof WorkflowExecutionAlreadyStartedError) return { kind: 'busy', workflowId };
    const isCancelled = isCancellation(error) && CancellationScope.current().consideredCancelled;
    if (isCancelled || !(error instanceof ChildWorkflowFailure)) throw error;
    const message = `${workflowId} was ended before it was done`;
    return { kind: 'failed', failure: failureInfo('snapshot-failed', message) };
  }
}

/** Each that goes, goes as a whole; cancelled in between, the others stay. */
export async function pruneClusterSnapshots(input: PruneSnapshotsInput): Promise<PruneEnd> {
  const { cluster, dryRun, workerTimeoutMs: waitMs } = input;
  const call = activity(cluster, 'pruneSnapshots', {
    summary: dryRun ? 'what would go' : 'remove what is more than is to be kept',
    workerTimeoutMs: waitMs ?? workerTimeoutMs,
  });
  try {
    return { kind: 'pruned', dryRun, ...(await call({ cluster, dryRun })) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'failed', failure: failureOf(error) };
  }
}
