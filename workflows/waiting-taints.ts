// Tells the scheduler which nodes wait for their upgrade (docs/adr/0010). Best effort: an upgrade
// without these taints moves pods more often, and does nothing wrong.
// W1. Ask `taintsNodes` before, without an await: where it says no, not even the order of
//     microtasks may differ from before the patch, because signals are sent in between.

import { isCancellation, patched } from '@temporalio/workflow';

import type { ClusterName, HopId, NodeName } from '../domain/names';
import { failureOf } from './activity-failures';
import { activity, cleanupMs } from './activity-options';
import type { Line } from './line';

/** Whether this run knows of taints (W1). */
export function taintsNodes(): boolean {
  return patched('2026-11-21-taint-waiting-nodes');
}

/** Afterwards exactly the nodes in `waiting` carry the taint; what fails is told as a note. */
export async function taintWaitingNodes(
  { cluster, hop, line }: { cluster: ClusterName; hop: HopId; line: Line },
  waiting: readonly NodeName[],
): Promise<void> {
  const summary =
    waiting.length === 0 ? `no node waits for ${hop}` : `${waiting.length} nodes wait for ${hop}`;
  const call = activity(cluster, 'taintWaitingNodes', { summary, totalMs: cleanupMs });
  try {
    await call({ cluster, waiting });
  } catch (error) {
    if (isCancellation(error)) throw error;
    const text = `the taints of nodes that wait could not be set: ${failureOf(error).message}`;
    line.report({ kind: 'note', event: 'nodes.taints-failed', text });
  }
}
