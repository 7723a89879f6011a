// What a Temporal schedule starts. A schedule appends the time to the id of every workflow that it
// starts, and `upgrade/<cluster>` must stay what it is: the lock of the cluster. So this workflow
// starts the upgrade under that id, leaves it to itself, and ends.

import { ParentClosePolicy, startChild, workflowInfo } from '@temporalio/workflow';
import { WorkflowExecutionAlreadyStartedError } from '@temporalio/common';

import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { StartRequest } from './messages';
import { upgradeCluster } from './upgrade-cluster';

/** `already-running`: an upgrade of the cluster was under way; it goes on, nothing was started. */
export type ScheduledStart =
  | { readonly kind: 'started'; readonly workflowId: string; readonly runId: string }
  | { readonly kind: 'already-running'; readonly workflowId: string };

/** Starts the upgrade that the schedule describes, unless one of the cluster runs. */
export async function startScheduledUpgrade(request: StartRequest): Promise<ScheduledStart> {
  const workflowId = upgradeWorkflowId(request.spec.cluster);
  // Every time of the schedule is a start of its own.
  const requestId = `schedule/${workflowInfo().runId}`;
  try {
    const child = await startChild(upgradeCluster, {
      workflowId,
      args: [{ ...request, requestId }],
      parentClosePolicy: ParentClosePolicy.ABANDON,
      memo: { requestId, actor: request.actor },
      staticSummary: `upgrade of ${request.spec.cluster} to ${request.spec.target}`,
    });
    return { kind: 'started', workflowId, runId: child.firstExecutionRunId };
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    return { kind: 'already-running', workflowId };
  }
}
