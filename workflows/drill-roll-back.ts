// A rollback that is tried beside the cluster, as its result: kept by Temporal, so that it can be
// looked up when it was last tried and what it took.

import { isCancellation } from '@temporalio/workflow';

import { failureOf } from './activity-failures';
import { activity, workerTimeoutMs } from './activity-options';
import type { Drill, DrillRollBackInput } from './messages';

/** Touches nothing of the cluster; may be cancelled at any time. */
export async function drillRollBack(input: DrillRollBackInput): Promise<Drill> {
  const { workerTimeoutMs: waitMs, ...asked } = input;
  const call = activity(asked.cluster, 'drillRollBack', {
    summary: `restore ${asked.snapshotId ?? 'the newest snapshot'} beside the cluster`,
    workerTimeoutMs: waitMs ?? workerTimeoutMs,
  });
  try {
    return await call(asked);
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'failed', failure: failureOf(error) };
  }
}
