// Starts an upgrade, idempotently, and answers with its plan or with why there is none.
// A1. A start that is refused leaves nothing behind that could begin later by surprise.

import type {
  WithStartWorkflowOperation as StartOperation,
  Workflow,
  WorkflowUpdateHandle,
} from '@temporalio/client';
import { WithStartWorkflowOperation, WorkflowUpdateStage } from '@temporalio/client';
import { setTimeout as sleep } from 'node:timers/promises';

import type { StartRefusal } from '../domain/activity-contract';
import { workflowTaskQueue } from '../domain/activity-contract';
import type { CommandRefusal } from '../domain/control';
import type { PlanDigest } from '../domain/names';
import type { Plan } from '../domain/plan';
import type { UpgradeSpec } from '../domain/spec';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { StartAnswer, StartRequest } from '../workflows/messages';
import { startUpdate } from '../workflows/messages';
import type { Session } from './calls';
import { countWorkflowPollers, explainedError } from './calls';
import { newRequestId, refusalOf } from './commands';
import { WorkerMissingError } from './errors';

export interface StartOptions {
  /** Who starts it; stands in the audit trail. */
  readonly actor: string;
  /** Idempotency key, at most 128 characters; the same key gives the same answer. */
  readonly requestId?: string;
  /** Digest of the plan that was reviewed; any other plan is refused. */
  readonly expectedDigest?: string;
  /** How long a worker may take to accept, in milliseconds; default 30 s. */
  readonly timeoutMs?: number;
  /** How long looking at the cluster and planning may take after that; default 5 min. */
  readonly planTimeoutMs?: number;
}

/** Why a start is refused: no plan, no worker, or another upgrade of the cluster that runs. */
export type StartRefused = StartRefusal | Extract<CommandRefusal, { code: 'upgrade-conflict' }>;

export type StartResult =
  | {
      /** `already-running`: the same spec was started before; its plan and ids are returned. */
      readonly kind: 'started' | 'already-running';
      readonly plan: Plan;
      readonly workflowId: string;
      /** The first run of the upgrade; continue-as-new adds more. */
      readonly runId: string;
    }
  | { readonly kind: 'refused'; readonly refusal: StartRefused };

/** Workflow type of the root; a string, so that no workflow code is imported. */
export const upgradeWorkflowType = 'upgradeCluster';
const defaultTimeoutMs = 30_000;
const defaultPlanTimeoutMs = 300_000;
const pollerRetryMs = 1_000;

/**
 * Update-with-start on `upgrade/<cluster>`: starts the workflow unless it runs already, and sends
 * the update `start`, whose answer is the plan. Refusals are values; throws AscentError for
 * temporal-unreachable and temporal-refused.
 */
export async function startUpgrade(
  session: Session,
  spec: UpgradeSpec,
  options: StartOptions,
): Promise<StartResult> {
  const begun = Date.now();
  const deadline = begun + (options.timeoutMs ?? defaultTimeoutMs);
  const request = startRequest(spec, options);
  const missing = (): StartResult => ({
    kind: 'refused',
    refusal: {
      code: 'worker-missing',
      taskQueue: workflowTaskQueue,
      waitedSeconds: Math.round((Date.now() - begun) / 1_000),
    },
  });
  let update: WorkflowUpdateHandle<StartAnswer>;
  try {
    if (!(await waitForPoller(session, deadline))) return missing();
    update = await sendStart(session, request, deadline);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.code === 'upgrade-conflict') return { kind: 'refused', refusal };
    const explained = await explainedError(session, error, Date.now() - begun);
    if (!(explained instanceof WorkerMissingError)) throw explained;
    await withdrawStart(session, request);
    return missing();
  }
  return awaitPlan(session, request, update, options.planTimeoutMs ?? defaultPlanTimeoutMs);
}

export function startRequest(
  spec: UpgradeSpec,
  options: Pick<StartOptions, 'actor' | 'requestId' | 'expectedDigest'>,
): StartRequest {
  return {
    spec,
    actor: options.actor,
    requestId: options.requestId ?? newRequestId(),
    ...(options.expectedDigest === undefined
      ? {}
      : { expectedDigest: options.expectedDigest as PlanDigest }),
  };
}

/** Nothing is started while nobody would run it (A1). True when the server cannot tell. */
async function waitForPoller(session: Session, deadline: number): Promise<boolean> {
  for (;;) {
    const pollers = await countWorkflowPollers(session);
    if (pollers === undefined || pollers > 0) return true;
    if (Date.now() + pollerRetryMs >= deadline) return false;
    await sleep(pollerRetryMs);
  }
}

function sendStart(
  session: Session,
  request: StartRequest,
  deadline: number,
): Promise<WorkflowUpdateHandle<StartAnswer>> {
  return session.client.withDeadline(deadline, () =>
    session.client.workflow.startUpdateWithStart(startUpdate, {
      args: [request],
      updateId: request.requestId,
      waitForStage: WorkflowUpdateStage.ACCEPTED,
      startWorkflowOperation: startOperation(request),
    }),
  );
}

/** From here on the upgrade is accepted: a silent worker is an error, no longer a refusal. */
async function awaitPlan(
  session: Session,
  request: StartRequest,
  update: WorkflowUpdateHandle<StartAnswer>,
  timeoutMs: number,
): Promise<StartResult> {
  try {
    const answer = await session.client.withDeadline(Date.now() + timeoutMs, () => update.result());
    return await startResult(session, request, answer);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.code === 'upgrade-conflict') return { kind: 'refused', refusal };
    throw await explainedError(session, error, timeoutMs);
  }
}

/** The memo says who began the chain, which is how a repeated start is told from the first. */
function startOperation(request: StartRequest): StartOperation<Workflow> {
  const workflowId = upgradeWorkflowId(request.spec.cluster);
  return new WithStartWorkflowOperation<Workflow>(upgradeWorkflowType, {
    workflowId,
    taskQueue: workflowTaskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [request],
    memo: { requestId: request.requestId, actor: request.actor },
    staticSummary: `upgrade of ${request.spec.cluster} to ${request.spec.target}`,
  });
}

async function startResult(
  session: Session,
  request: StartRequest,
  answer: StartAnswer,
): Promise<StartResult> {
  if (answer.kind === 'refused') return answer;
  const workflowId = upgradeWorkflowId(request.spec.cluster);
  const description = await session.client.workflow.getHandle(workflowId).describe();
  const { memo, runId } = description;
  return {
    kind: memo?.['requestId'] === request.requestId ? 'started' : 'already-running',
    plan: answer.plan,
    workflowId,
    runId: description.raw.workflowExecutionInfo?.firstRunId ?? runId,
  };
}

/**
 * Takes back a start that no worker has picked up (A1): only when this very request began the
 * workflow, and only while no worker has answered its first task.
 */
async function withdrawStart(session: Session, request: StartRequest): Promise<void> {
  const handle = session.client.workflow.getHandle(upgradeWorkflowId(request.spec.cluster));
  const description = await handle.describe().catch(() => undefined);
  if (description === undefined || description.status.name !== 'RUNNING') return;
  if (description.memo?.['requestId'] !== request.requestId) return;
  // 1 started, 2 task scheduled, 3 task started: a fourth event means that a worker has answered.
  if (description.historyLength > 3) return;
  await handle.terminate('no worker picked the upgrade up; nothing was done');
}
