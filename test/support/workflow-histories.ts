// Histories of an upgrade: all runs of the root and everything below it.

import type { WorkflowClient } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';

export type History = temporal.api.history.v1.IHistory;

export interface NamedHistory {
  readonly workflowId: string;
  readonly runId: string;
  readonly history: History;
}

/** Depth first, in the order in which they began; runs of one workflow in their order. */
export async function fetchHistories(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
): Promise<readonly NamedHistory[]> {
  const first = await client.workflow.getHandle(workflowId).describe();
  const firstRun = first.raw.workflowExecutionInfo?.firstRunId || undefined;
  return runsFrom(client, workflowId, firstRun ?? (await firstRunOf(client, workflowId)));
}

/** The test server does not tell the first run; the first event of any run does. */
async function firstRunOf(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
): Promise<string | undefined> {
  const history = await client.workflow.getHandle(workflowId).fetchHistory();
  return (
    history.events?.[0]?.workflowExecutionStartedEventAttributes?.firstExecutionRunId ?? undefined
  );
}

async function runsFrom(
  client: { readonly workflow: WorkflowClient },
  workflowId: string,
  firstRunId: string | undefined,
): Promise<readonly NamedHistory[]> {
  const found: NamedHistory[] = [];
  let runId = firstRunId;
  while (runId !== undefined && runId !== '') {
    const history = await client.workflow.getHandle(workflowId, runId).fetchHistory();
    found.push({ workflowId, runId, history });
    for (const event of history.events ?? []) {
      const child = event.childWorkflowExecutionStartedEventAttributes?.workflowExecution;
      if (child?.workflowId && child.runId) {
        found.push(...(await runsFrom(client, child.workflowId, child.runId)));
      }
    }
    const last = history.events?.at(-1);
    runId = last?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId ?? undefined;
  }
  return found;
}

/** Event types of a history, without the prefix: `ActivityTaskScheduled`. */
export function eventCount(history: History): number {
  return history.events?.length ?? 0;
}
