// A rollback that is tried beside the cluster.

import type { ClusterName, SnapshotId } from '../domain/names';
import { drillWorkflowId } from '../domain/workflow-ids';
import type { Drill, DrillRollBackInput } from '../workflows/messages';
import type { Session } from './calls';
import { runWorkflow } from './run-workflow';

export type { Drill } from '../workflows/messages';

export interface DrillOptions {
  /** The newest of the cluster when absent. */
  readonly snapshot?: string;
}

/** More than the activity's own bound. */
const totalMs = 65 * 60_000;

/**
 * Waits for its end; what keeps the way back from working is a value. Two who ask at the same time
 * are told the same. Throws AscentError as every call.
 */
export function drillRollBack(
  session: Session,
  cluster: string,
  { snapshot }: DrillOptions = {},
): Promise<Drill> {
  // The worker of the cluster knows whether there are such; names are checked there.
  const input: DrillRollBackInput = {
    cluster: cluster as ClusterName,
    ...(snapshot === undefined ? {} : { snapshotId: snapshot as SnapshotId }),
  };
  return runWorkflow<DrillRollBackInput, Drill>(session, {
    workflowType: 'drillRollBack',
    workflowId: drillWorkflowId(input.cluster),
    input,
    conflict: 'USE_EXISTING',
    timeoutMs: totalMs,
    summary: `a rollback of ${cluster}, tried beside it`,
  });
}
