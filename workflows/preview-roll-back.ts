// What a rollback would undo, as its result: kept by Temporal like any other, so that whoever
// confirms it by its digest is compared with what was shown.

import { isCancellation } from '@temporalio/workflow';

import { failureOf } from './activity-failures';
import { activity, previewMarginMs, workerTimeoutMs } from './activity-options';
import type { PreviewRollBackInput, RollBackPreview } from './messages';

/** Reads only; may be cancelled at any time. */
export async function previewRollBack(input: PreviewRollBackInput): Promise<RollBackPreview> {
  const { cluster, limits, snapshotId, workerTimeoutMs: waitMs, ...asked } = input;
  const call = activity(cluster, 'previewRollBack', {
    summary: `compare with ${snapshotId}`,
    totalMs: limits.seconds * 1_000 + previewMarginMs,
    workerTimeoutMs: waitMs ?? workerTimeoutMs,
  });
  try {
    return { kind: 'report', report: await call({ ...asked, cluster, snapshotId, limits }) };
  } catch (error) {
    if (isCancellation(error)) throw error;
    return { kind: 'failed', failure: failureOf(error) };
  }
}
