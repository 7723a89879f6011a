// A rollback that is tried beside the cluster.

import { workflowTaskQueue } from '../domain/activity-contract';
import type { ClusterName, SnapshotId } from '../domain/names';
import { drillWorkflowId } from '../domain/workflow-ids';
import type { Drill, DrillRollBackInput } from '../workflows/messages';
import type { Session } from './calls';
import { countWorkflowPollers, explainedError } from './calls';
import { WorkerMissingError } from './errors';

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
export async function drillRollBack(
  session: Session,
  cluster: string,
  { snapshot }: DrillOptions = {},
): Promise<Drill> {
  const begun = Date.now();
  if ((await countWorkflowPollers(session)) === 0) {
    throw new WorkerMissingError({ taskQueue: workflowTaskQueue, waitedSeconds: 0 });
  }
  // The worker of the cluster knows whether there are such; names are checked there.
  const input: DrillRollBackInput = {
    cluster: cluster as ClusterName,
    ...(snapshot === undefined ? {} : { snapshotId: snapshot as SnapshotId }),
  };
  try {
    return await session.client.withDeadline(begun + totalMs, async () => {
      const handle = await session.client.workflow.start('drillRollBack', {
        workflowId: drillWorkflowId(input.cluster),
        taskQueue: workflowTaskQueue,
        args: [input],
        workflowIdConflictPolicy: 'USE_EXISTING',
        workflowExecutionTimeout: totalMs,
        staticSummary: `a rollback of ${cluster}, tried beside it`,
      });
      return (await handle.result()) as Drill;
    });
  } catch (error) {
    throw await explainedError(session, error, Date.now() - begun);
  }
}
