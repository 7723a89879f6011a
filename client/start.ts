// Starts an upgrade, idempotently, and answers with its plan or with why there is none.
// A1. A start that is refused leaves nothing behind that could begin later by surprise (begin.ts).
// A2. A request id begins one upgrade, for as long as Temporal remembers it: a caller that repeats
//     itself after the end does not begin the next one.

import type { WorkflowUpdateHandle } from '@temporalio/client';

import type { StartRefusal } from '../domain/activity-contract';
import { workflowTaskQueue } from '../domain/activity-contract';
import type { CommandRefusal } from '../domain/status/control';
import type { PlanDigest } from '../domain/names';
import type { Plan } from '../domain/plan/plan';
import type { UpgradeSpec } from '../domain/spec';
import { upgradeWorkflowId } from '../domain/workflow-ids';
import type { StartAnswer, StartRequest } from '../workflows/messages';
import { startUpdate } from '../workflows/messages';
import type { Beginning, Description } from './begin';
import { begin, eventsUnanswered, isOf } from './begin';
import type { Session } from './calls';
import { endOf, explainedError, findUpgrade, upgradeHandle } from './calls';
import { newRequestId, refusalOf } from './commands';
import { UpgradeEndedError } from './errors';

export interface StartOptions {
  /** Who starts it; stands in the audit trail. */
  readonly actor: string;
  /**
   * Idempotency key, at most 128 characters. While the upgrade that it began runs, and when that
   * was blocked, the same key has the same answer: a new plan takes a new key. When the upgrade
   * has ended, `upgrade-ended`. A start that no worker took may be repeated with its key.
   */
  readonly requestId?: string;
  /** Digest of the plan that was reviewed; any other plan is refused. */
  readonly expectedDigest?: string;
  /** How long a worker may take to accept, in milliseconds; default 25 s. */
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
const defaultTimeoutMs = 25_000;
const defaultPlanTimeoutMs = 300_000;

/**
 * Update-with-start on `upgrade/<cluster>`: starts the workflow unless it runs already, and sends
 * the update `start`, whose answer is the plan. Refusals are values; throws AscentError for
 * temporal-unreachable, temporal-refused, and upgrade-ended for a request of the past (A2).
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
  if (options.requestId !== undefined) await refuseRepeated(session, request);
  let update: WorkflowUpdateHandle<StartAnswer> | undefined;
  try {
    update = await begin(session, beginningOf(request), deadline);
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.code === 'upgrade-conflict') return { kind: 'refused', refusal };
    throw error;
  }
  if (update === undefined) return missing();
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

/** From here on the upgrade is accepted: a silent worker is an error, no longer a refusal. */
async function awaitPlan(
  session: Session,
  request: StartRequest,
  update: WorkflowUpdateHandle<StartAnswer>,
  timeoutMs: number,
): Promise<StartResult> {
  try {
    return await session.client.withDeadline(Date.now() + timeoutMs, async () =>
      startResult(session, request, await update.result()),
    );
  } catch (error) {
    const refusal = refusalOf(error);
    if (refusal?.code === 'upgrade-conflict') return { kind: 'refused', refusal };
    throw await explainedError(session, error, timeoutMs);
  }
}

function beginningOf(request: StartRequest): Beginning<StartRequest, StartAnswer> {
  const { cluster, target } = request.spec;
  return {
    workflowType: upgradeWorkflowType,
    workflowId: upgradeWorkflowId(cluster),
    input: request,
    update: startUpdate,
    request,
    summary: `upgrade of ${cluster} to ${target}`,
  };
}

async function startResult(
  session: Session,
  request: StartRequest,
  answer: StartAnswer,
): Promise<StartResult> {
  if (answer.kind === 'refused') return answer;
  const workflowId = upgradeWorkflowId(request.spec.cluster);
  const description = await upgradeHandle(session, request.spec.cluster).describe();
  return {
    kind: isOf(description, request) ? 'started' : 'already-running',
    plan: answer.plan,
    workflowId,
    runId: firstRunOf(description),
  };
}

function firstRunOf({ raw, runId }: Description): string {
  return raw.workflowExecutionInfo?.firstRunId ?? runId;
}

/** A2. Throws UpgradeEndedError. */
async function refuseRepeated(session: Session, request: StartRequest): Promise<void> {
  const { cluster } = request.spec;
  const description = await findUpgrade(session, cluster);
  if (description === undefined || !isOf(description, request)) return;
  // Its last event is the termination.
  const wasWithdrawn =
    description.status.name === 'TERMINATED' &&
    description.runId === firstRunOf(description) &&
    description.historyLength <= eventsUnanswered + 1;
  const end = wasWithdrawn ? undefined : await endOf(session, cluster);
  if (end === undefined || end.outcome === 'blocked') return;
  throw new UpgradeEndedError(cluster, end.outcome, end.result);
}
