// Snapshots outside of hops: one that somebody, or a schedule, asks for, and the removing of those
// that are more than is to be kept. What a person asks for has the id `snapshot/<cluster>`: one at
// a time.

import { isCancellation, workflowInfo } from '@temporalio/workflow';

import type { SnapshotId } from '../domain/names';
import { nameOfRun } from '../domain/workflow-ids';
import { failureOf } from './activity-failures';
import { activity, workerTimeoutMs } from './activity-options';
import type { PruneEnd, PruneSnapshotsInput, SnapshotEnd, TakeSnapshotInput } from './messages';

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
