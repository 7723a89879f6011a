// Begins a workflow by update-with-start, or joins the one of that id that runs. Used by start, and
// by the drain and the uncordon of a node.
// B1. What no worker takes leaves nothing behind that could begin later by surprise.

import type { Workflow, WorkflowHandle, WorkflowUpdateHandle } from '@temporalio/client';
import { WithStartWorkflowOperation, WorkflowUpdateStage } from '@temporalio/client';
import type { UpdateDefinition } from '@temporalio/common';

import { workflowTaskQueue } from '../domain/activity-contract';
import type { Session } from './calls';
import { explainedError, waitForPoller } from './calls';
import { WorkerMissingError } from './errors';
import { isWorkflowNotFound } from './temporal-errors';

/** What begins, and what is asked of it. */
export interface Beginning<Request, Answer> {
  /** A string, so that no workflow code is imported. */
  readonly workflowType: string;
  readonly workflowId: string;
  /** The one argument of the workflow. */
  readonly input: object;
  readonly update: UpdateDefinition<Answer, [Request]>;
  readonly request: Request & { readonly requestId: string; readonly actor: string };
  readonly summary: string;
}

/** 1 started, 2 task scheduled, 3 task started: a fourth event means that a worker has answered. */
export const eventsUnanswered = 3;

/**
 * The accepted update; undefined when no worker took it until `deadline` (B1). The request id is
 * the update's id, too. Throws the refusal of the update as it is, and AscentError as every call.
 */
export async function begin<Request, Answer>(
  session: Session,
  beginning: Beginning<Request, Answer>,
  deadline: number,
): Promise<WorkflowUpdateHandle<Answer> | undefined> {
  const begun = Date.now();
  try {
    if (!(await waitForPoller(session, deadline))) return undefined;
    return await send(session, beginning, deadline);
  } catch (error) {
    const explained = await explainedError(session, error, Date.now() - begun);
    if (!(explained instanceof WorkerMissingError)) throw explained;
    await withdraw(session, beginning).catch(async (failure: unknown) => {
      // Closed meanwhile, by a worker that came after all: there is nothing to take back.
      if (!isWorkflowNotFound(failure)) throw await explainedError(session, failure, 0);
    });
    return undefined;
  }
}

/** The memo says who began the chain, which is how a repeated request is told from the first. */
function send<Request, Answer>(
  session: Session,
  beginning: Beginning<Request, Answer>,
  deadline: number,
): Promise<WorkflowUpdateHandle<Answer>> {
  const { workflowType, workflowId, input, update, request, summary } = beginning;
  const { requestId, actor } = request;
  const startWorkflowOperation = new WithStartWorkflowOperation<Workflow>(workflowType, {
    workflowId,
    taskQueue: workflowTaskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [input],
    memo: { requestId, actor },
    staticSummary: summary,
  });
  return session.client.withDeadline(deadline, () =>
    session.client.workflow.startUpdateWithStart(update, {
      args: [request],
      updateId: requestId,
      waitForStage: WorkflowUpdateStage.ACCEPTED,
      startWorkflowOperation,
    }),
  );
}

/**
 * Takes back what no worker has picked up (B1): only when this very request began the workflow,
 * and only while no worker has answered its first task.
 */
function withdraw<Request, Answer>(
  session: Session,
  { workflowId, request, summary }: Beginning<Request, Answer>,
): Promise<void> {
  const deadline = Date.now() + session.callTimeoutMs;
  return session.client.withDeadline(deadline, async () => {
    const handle = session.client.workflow.getHandle(workflowId);
    const description = await handle.describe();
    if (description.status.name !== 'RUNNING' || !isOf(description, request)) return;
    if (description.historyLength > eventsUnanswered) return;
    await handle.terminate(`no worker picked the ${summary} up; nothing was done`);
  });
}

export type Description = Awaited<ReturnType<WorkflowHandle['describe']>>;

/** The request began this workflow; its memo is carried through continue-as-new. */
export function isOf(
  { memo }: Pick<Description, 'memo'>,
  { requestId }: { readonly requestId: string },
): boolean {
  return memo?.['requestId'] === requestId;
}
