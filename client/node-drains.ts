// Drains and uncordons single nodes, outside of an upgrade, and follows such drains.
// D1. A node that an upgrade of its cluster has in work is refused here already; what changes in
//     between is refused by its cordon, in the workflow.
// D2. Refusals are values: whoever drains a node has to handle them.

import type { WorkflowHandle, WorkflowUpdateHandle } from '@temporalio/client';
import { WorkflowFailedError } from '@temporalio/client';

import { workflowTaskQueue } from '../domain/activity-contract';
import type { AuditEntry } from '../domain/status/control';
import type { ClusterName, NodeName } from '../domain/names';
import type {
  DrainAnswer,
  DrainEnd,
  DrainLook,
  DrainRefusal,
  DrainRequest,
  UndoRequest,
} from '../domain/drain/node-drain';
import { drainRefusalCodes } from '../domain/drain/node-drain';
import type { DrainPolicy } from '../domain/spec';
import { drainWorkflowId } from '../domain/workflow-ids';
import { auditQuery, drainStatusQuery, drainUpdate, undoUpdate } from '../workflows/messages';
import type { Beginning } from './begin';
import { begin } from './begin';
import type { Session } from './calls';
import { callWorkflow, closedOutcome, explainedError, findUpgrade } from './calls';
import { newRequestId, refusalAmong } from './commands';
import { defaultDrainPolicy } from './drain-policy';
import { DrainFailedError, DrainNotFoundError } from './errors';
import type { WatchOptions } from './follow';
import { follow } from './follow';
import { askChild, readDrain, readProgress } from './progress';
import { unsettledActivities } from './unsettled-activities';

/** A node of a cluster, by their names. */
export interface NodeOfCluster {
  readonly cluster: string;
  readonly node: string;
}

export interface DrainOptions {
  /** Who asks, and why: on the node's cordon and in the audit trail. */
  readonly actor: string;
  readonly reason: string;
  /**
   * How pods leave; by default as a pool of an upgrade without a drain policy. A drain that runs
   * already is joined when its policy is the same, or when this one is left out.
   */
  readonly policy?: DrainPolicy;
  /** Idempotency key, at most 128 characters: while the drain runs, the same key counts once. */
  readonly requestId?: string;
  /** How long a worker may take to accept, in milliseconds; default 25 s. */
  readonly timeoutMs?: number;
}

export type DrainStart =
  | { readonly kind: 'started' | 'already-running'; readonly workflowId: string }
  | { readonly kind: 'refused'; readonly refusal: DrainRefusal };

export interface UncordonOptions extends Pick<
  DrainOptions,
  'actor' | 'reason' | 'requestId' | 'timeoutMs'
> {}

export type UncordonResult =
  | { readonly kind: 'ended'; readonly end: DrainEnd }
  | { readonly kind: 'refused'; readonly refusal: DrainRefusal };

const defaultTimeoutMs = 25_000;
/** The cordon has 90 s (askedCordonMs of the workflows); a drain that is stopped first, 15 s. */
const answerTimeoutMs = 120_000;
/** An undo that meets a drain in the moment of its end is sent again. */
const undoAttempts = 3;

/** Answers when the node is cordoned, or refused (D2). Throws AscentError as every call. */
export async function startDrain(
  session: Session,
  target: NodeOfCluster,
  options: DrainOptions,
): Promise<DrainStart> {
  const seen = await upgradeSeen(session, target);
  if (seen.refusal !== undefined) return { kind: 'refused', refusal: seen.refusal };
  const request: DrainRequest = {
    ...requestOf(options),
    policy: options.policy ?? defaultDrainPolicy(),
    joins: options.policy === undefined ? 'any' : 'same-policy',
    upgradeRuns: seen.runs,
  };
  const answer = await asked<DrainRequest, DrainAnswer>(session, options, {
    ...beginningOf(target, request),
    workflowType: 'drainNode',
    update: drainUpdate,
    summary: `drain of ${target.node} in ${target.cluster}`,
  });
  if (answer.kind === 'refused') return answer;
  if (answer.value.kind === 'refused') return answer.value;
  const kind = answer.value.joined ? 'already-running' : 'started';
  return { kind, workflowId: workflowIdOf(target) };
}

/** Stops the drain of the node if one runs, and undoes our cordon. Answers when it is done. */
export async function uncordonNode(
  session: Session,
  target: NodeOfCluster,
  options: UncordonOptions,
): Promise<UncordonResult> {
  const seen = await upgradeSeen(session, target);
  if (seen.refusal !== undefined) return { kind: 'refused', refusal: seen.refusal };
  for (let attempt = 1; ; attempt += 1) {
    const request: UndoRequest = { ...requestOf(options), upgradeRuns: seen.runs };
    const answer = await asked(session, options, {
      ...beginningOf(target, request),
      workflowType: 'uncordonNode',
      update: undoUpdate,
      summary: `uncordon of ${target.node} in ${target.cluster}`,
    });
    if (answer.kind === 'accepted') {
      const handle = session.client.workflow.getHandle(workflowIdOf(target), answer.runId);
      return { kind: 'ended', end: await endOfDrain(session, target, handle) };
    }
    if (answer.refusal.code !== 'drain-ended' || attempt === undoAttempts) return answer;
  }
}

/** Yields looks until the drain ends; the last one has its end, which is also returned. */
export function watchDrain(
  session: Session,
  target: NodeOfCluster,
  options: WatchOptions = {},
): AsyncGenerator<DrainLook, DrainEnd | undefined> {
  return follow(
    session,
    {
      describe: () => callDrain(session, target, (handle) => handle.describe()),
      resultOf: (handle) => resultOf(target, handle),
      look: (brief) => readLook(brief, target),
      finalLook: async (end, before) => {
        const { status } = before ?? (await readLook(session, target));
        return { status: { ...status, phase: 'ended', end }, blockers: [] };
      },
    },
    options,
  );
}

/** Who drained and uncordoned the node last, and what came of it; oldest first. */
export function drainAudit(
  session: Session,
  target: NodeOfCluster,
): Promise<readonly AuditEntry[]> {
  return callDrain(session, target, (handle) => handle.query(auditQuery));
}

function workflowIdOf({ cluster, node }: NodeOfCluster): string {
  return drainWorkflowId(cluster as ClusterName, node as NodeName);
}

function requestOf({ actor, reason, requestId }: UncordonOptions) {
  return { actor, reason, requestId: requestId ?? newRequestId() };
}

function beginningOf<Request extends object>(target: NodeOfCluster, request: Request) {
  return { workflowId: workflowIdOf(target), input: { ...request, ...target }, request };
}

type Asked<Answer> =
  | { readonly kind: 'accepted'; readonly value: Answer; readonly runId: string | undefined }
  | { readonly kind: 'refused'; readonly refusal: DrainRefusal };

async function asked<Request, Answer>(
  session: Session,
  { timeoutMs = defaultTimeoutMs }: UncordonOptions,
  beginning: Beginning<Request, Answer>,
): Promise<Asked<Answer>> {
  const begun = Date.now();
  try {
    const update = await begin(session, beginning, begun + timeoutMs);
    if (update !== undefined) return await answered(session, update);
    const waitedSeconds = Math.round((Date.now() - begun) / 1_000);
    const refusal = {
      code: 'worker-missing',
      taskQueue: workflowTaskQueue,
      waitedSeconds,
    } as const;
    return { kind: 'refused', refusal };
  } catch (error) {
    const refusal = refusalAmong<DrainRefusal>(error, drainRefusalCodes);
    if (refusal === undefined) throw await explainedError(session, error, Date.now() - begun);
    return { kind: 'refused', refusal };
  }
}

async function answered<Answer>(
  session: Session,
  update: WorkflowUpdateHandle<Answer>,
): Promise<Asked<Answer>> {
  const value = await session.client.withDeadline(Date.now() + answerTimeoutMs, () =>
    update.result(),
  );
  return { kind: 'accepted', value, runId: update.workflowRunId };
}

/** D1. What an upgrade of the cluster says about the node now. */
async function upgradeSeen(
  session: Session,
  { cluster, node }: NodeOfCluster,
): Promise<{ readonly runs: boolean; readonly refusal?: DrainRefusal }> {
  const description = await findUpgrade(session, cluster);
  if (description?.status.name !== 'RUNNING') return { runs: false };
  const { status, nodes } = await readProgress(session, cluster);
  const inWork = nodes.find((one) => one.node === node);
  if (status.phase === 'ended' || inWork === undefined) return { runs: status.phase !== 'ended' };
  const refusal = {
    code: 'node-in-upgrade',
    node: inWork.node,
    cluster: status.cluster,
    ...(status.hop === undefined ? {} : { hop: status.hop.id }),
    phase: inWork.phase,
  } as const;
  return { runs: true, refusal };
}

function callDrain<T>(
  session: Session,
  target: NodeOfCluster,
  ask: (handle: WorkflowHandle) => Promise<T>,
): Promise<T> {
  const handle = session.client.workflow.getHandle(workflowIdOf(target));
  return callWorkflow(
    session,
    () => ask(handle),
    (cause) => new DrainNotFoundError(target.cluster, target.node, cause),
  );
}

async function resultOf({ node }: NodeOfCluster, handle: WorkflowHandle): Promise<DrainEnd> {
  try {
    return (await handle.result()) as DrainEnd;
  } catch (error) {
    if (!(error instanceof WorkflowFailedError)) throw error;
    throw new DrainFailedError(node, closedOutcome(error.cause), error.cause);
  }
}

async function endOfDrain(
  session: Session,
  target: NodeOfCluster,
  handle: WorkflowHandle,
): Promise<DrainEnd> {
  try {
    return await session.client.withDeadline(Date.now() + answerTimeoutMs, () =>
      resultOf(target, handle),
    );
  } catch (error) {
    throw await explainedError(session, error, answerTimeoutMs);
  }
}

/** The workflow's status, with what the heartbeat of its drain says, and what does not get on. */
async function readLook(session: Session, target: NodeOfCluster): Promise<DrainLook> {
  const { client } = session;
  const status = await callDrain(session, target, (handle) => handle.query(drainStatusQuery));
  if (status.phase === 'ended') return { status, blockers: [] };
  const handle = client.workflow.getHandle(workflowIdOf(target));
  const description = await askChild(client, () => handle.describe());
  if (description === undefined) return { status, blockers: [] };
  const unsettled = unsettledActivities(description, Date.now());
  const drain = await readDrain(client, description);
  return {
    status,
    ...(drain === undefined ? {} : { evicted: drain.evicted, remaining: drain.remaining }),
    blockers: drain?.blockers ?? [],
    ...(unsettled.length === 0 ? {} : { unsettled }),
  };
}
