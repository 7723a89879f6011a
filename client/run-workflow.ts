// A workflow that is begun for one question and waited for, on a worker that is known to be there.

import { workflowTaskQueue } from '../domain/activity-contract';
import type { Session } from './calls';
import { explainedError, waitForPoller } from './calls';
import { WorkerMissingError } from './errors';

export interface AskedWorkflow<Input, End> {
  readonly workflowType: string;
  readonly workflowId: string;
  readonly input: Input;
  /** `USE_EXISTING`: two who ask at the same time are told the same. */
  readonly conflict: 'FAIL' | 'USE_EXISTING';
  /** Of the workflow, and of the call. Milliseconds. */
  readonly timeoutMs: number;
  /** For people, in the Temporal UI. */
  readonly summary: string;
  /** What of Temporal's errors is an answer and no error. */
  readonly answerOf?: (error: unknown) => End | undefined;
}

/**
 * Its result. Throws AscentError as every call; `worker-missing` when nobody polls within the
 * time limit of a call (a worker may have started a moment ago), before anything is begun.
 */
export async function runWorkflow<Input, End>(
  session: Session,
  asked: AskedWorkflow<Input, End>,
): Promise<End> {
  const { workflowType, workflowId, input, conflict, timeoutMs, summary } = asked;
  const begun = Date.now();
  try {
    if (!(await waitForPoller(session, begun + session.callTimeoutMs))) {
      const waitedSeconds = Math.round((Date.now() - begun) / 1_000);
      throw new WorkerMissingError({ taskQueue: workflowTaskQueue, waitedSeconds });
    }
    return await session.client.withDeadline(begun + timeoutMs, async () => {
      const handle = await session.client.workflow.start(workflowType, {
        workflowId,
        taskQueue: workflowTaskQueue,
        args: [input],
        workflowIdConflictPolicy: conflict,
        workflowExecutionTimeout: timeoutMs,
        staticSummary: summary,
      });
      return (await handle.result()) as End;
    });
  } catch (error) {
    const answer = asked.answerOf?.(error);
    if (answer !== undefined) return answer;
    throw await explainedError(session, error, Date.now() - begun);
  }
}
