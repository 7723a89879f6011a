// Puts together what the workflows of one upgrade say about themselves: the root, its hop, the pool
// that runs, each node in work, the heartbeats of their drains (docs/adr/0004), and which of their
// activities do not get on.
// G1. The root must answer; whatever a child does not answer now is left out, not waited for.

import type { Client, WorkflowExecutionDescription } from '@temporalio/client';
import {
  decodeArrayFromPayloads,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow';

import type {
  AdmissionProgress,
  AscentActivities,
  DrainProgress,
  PhaseProgress,
} from '../domain/activity-contract';
import type { NodeName } from '../domain/names';
import type { RolloutProgress } from '../domain/rollout-contract';
import type {
  HopStatus,
  NodeProgress,
  PoolStatus,
  UnsettledActivity,
  UpgradeProgress,
  UpgradeStatus,
} from '../domain/status/progress';
import { pacedSecondsLeft, passedSecondsLeft } from '../domain/status/progress-estimate';
import { statusSentence } from '../domain/status/status-sentences';
import { hopWorkflowId, rollBackWorkflowId, upgradeWorkflowId } from '../domain/workflow-ids';
import {
  hopStatusQuery,
  nodeStatusQuery,
  poolStatusQuery,
  statusQuery,
} from '../workflows/messages';
import type { Session } from './calls';
import { callUpgrade } from './calls';
import { unsettledActivities } from './unsettled-activities';

/** A child that is busy does not hold up the whole picture (G1). */
const childTimeoutMs = 5_000;
/** Far above any sensible maxUnavailable; a bound on the questions of one picture. */
const maxNodesAsked = 50;

/** Answer of the root alone. Throws AscentError as callUpgrade does. */
export function readStatus(session: Session, cluster: string): Promise<UpgradeStatus> {
  return callUpgrade(session, cluster, (handle) => handle.query(statusQuery));
}

/** Status of the root with what its children say now (G1). */
export async function readProgress(session: Session, cluster: string): Promise<UpgradeProgress> {
  const status = await readStatus(session, cluster);
  const hop = await readHop(session, status);
  const pool = await readPool(session, hop);
  const active = pool?.active.slice(0, maxNodesAsked) ?? [];
  const [nodes, choice, ...above] = await Promise.all([
    Promise.all(active.map((node) => readNode(session.client, node))),
    readChoice(session.client, hop?.poolWorkflowId),
    ...workflowsAbove(status).map((workflowId) => readAbove(session.client, workflowId)),
  ]);
  const ofNodes = nodes.flatMap((node) => node.unsettled);
  const ofThose = above.flatMap((one) => one.unsettled);
  const unsettled = [...ofThose, ...choice.unsettled, ...ofNodes];
  return {
    status: withPace(status, hop, pool),
    ...(pool === undefined ? {} : { pool: withoutActive(pool) }),
    ...(choice.held === undefined ? {} : { held: choice.held }),
    ...toldAbove(above),
    members: hop?.members ?? [],
    nodes: nodes.map(({ progress }) => progress),
    ...(unsettled.length === 0 ? {} : { unsettled }),
    ...(hop === undefined ? {} : { stepSeconds: hop.stepSeconds }),
  };
}

/** With the time left by now; the root knows it of when its pool or step began. */
function withPace(
  status: UpgradeStatus,
  hop: HopStatus | undefined,
  pool: PoolStatus | undefined,
): UpgradeStatus {
  const secondsLeft = secondsLeftNow(status, hop, pool);
  if (secondsLeft === undefined || secondsLeft === status.secondsLeft) return status;
  const paced = { ...status, secondsLeft };
  return { ...paced, sentence: statusSentence(paced) };
}

function secondsLeftNow(
  status: UpgradeStatus,
  hop: HopStatus | undefined,
  pool: PoolStatus | undefined,
): number | undefined {
  const isUnderWay = status.phase === 'upgrading' || status.phase === 'soaking';
  if (pool?.maxUnavailable === undefined || pool.startedAtMs === undefined) {
    return isUnderWay ? passedSecondsLeft(status, Date.now()) : status.secondsLeft;
  }
  const { maxUnavailable, startedAtMs } = pool;
  const { nodesBefore = 0, nodesLater = 0 } = hop ?? {};
  const underWay = { ...pool, maxUnavailable, startedAtMs, nodesBefore, nodesLater };
  return pacedSecondsLeft(status, underWay, Date.now());
}

/** The workflow of the hop that runs, or is rolled back, now. */
function hopWorkflowOf({ cluster, hop, phase, rollBackTo }: UpgradeStatus): string | undefined {
  if (hop === undefined || phase === 'ended') return undefined;
  return phase === 'rolling-back'
    ? rollBackWorkflowId(cluster, rollBackTo?.hop ?? hop.id)
    : hopWorkflowId(cluster, hop.id);
}

/** Those of the current picture, besides nodes, that call activities themselves. */
function workflowsAbove(status: UpgradeStatus): readonly string[] {
  if (status.phase === 'ended') return [];
  const hop = hopWorkflowOf(status);
  return [upgradeWorkflowId(status.cluster), ...(hop === undefined ? [] : [hop])];
}

function readHop(session: Session, status: UpgradeStatus): Promise<HopStatus | undefined> {
  const workflowId = hopWorkflowOf(status);
  if (workflowId === undefined) return Promise.resolve(undefined);
  return askChild(session.client, () =>
    session.client.workflow.getHandle(workflowId).query(hopStatusQuery),
  );
}

function readPool(session: Session, hop: HopStatus | undefined): Promise<PoolStatus | undefined> {
  const workflowId = hop?.poolWorkflowId;
  if (workflowId === undefined) return Promise.resolve(undefined);
  return askChild(session.client, () =>
    session.client.workflow.getHandle(workflowId).query(poolStatusQuery),
  );
}

interface ChoiceLook extends Pick<UpgradeProgress, 'held'> {
  readonly unsettled: readonly UnsettledActivity[];
}

/** What the pool's choice of the next node waits for. */
async function readChoice(client: Client, workflowId: string | undefined): Promise<ChoiceLook> {
  const description =
    workflowId === undefined
      ? undefined
      : await askChild(client, () => client.workflow.getHandle(workflowId).describe());
  if (description === undefined) return { unsettled: [] };
  const unsettled = unsettledActivities(description, Date.now());
  const told = await readHeartbeat<AdmissionProgress>(client, description, 'admitNodes');
  if (told === undefined || told.held.length === 0) return { unsettled };
  return { unsettled, held: { nodes: told.held, more: told.more } };
}

interface NodeLook {
  readonly progress: NodeProgress;
  readonly unsettled: readonly UnsettledActivity[];
}

async function readNode(
  client: Client,
  active: { readonly node: NodeName; readonly workflowId: string },
): Promise<NodeLook> {
  const handle = client.workflow.getHandle(active.workflowId);
  const [status, description] = await Promise.all([
    askChild(client, () => handle.query(nodeStatusQuery)),
    askChild(client, () => handle.describe()),
  ]);
  // A node whose workflow has only just begun is pending: it says so itself a moment later.
  const known = status ?? { node: active.node, phase: 'pending', phaseSinceMs: Date.now() };
  if (description === undefined) return { progress: { ...known, blockers: [] }, unsettled: [] };
  const unsettled = unsettledActivities(description, Date.now());
  const drain = await readDrain(client, description);
  if (drain === undefined) return { progress: { ...known, blockers: [] }, unsettled };
  const { evicted, remaining, blockers } = drain;
  return { progress: { ...known, evicted, remaining, blockers }, unsettled };
}

/** The last heartbeat of the drain that runs, if one does and has told anything yet. */
export function readDrain(
  client: Client,
  description: WorkflowExecutionDescription,
): Promise<DrainProgress | undefined> {
  return readHeartbeat<DrainProgress>(client, description, 'drainNode');
}

async function readHeartbeat<Details>(
  client: Client,
  { raw }: WorkflowExecutionDescription,
  name: keyof AscentActivities,
): Promise<Details | undefined> {
  const pending = raw.pendingActivities?.find((activity) => activity.activityType?.name === name);
  const payloads = pending?.heartbeatDetails?.payloads;
  if (payloads === undefined || payloads === null) return undefined;
  const converter = loadDataConverter(client.options.dataConverter);
  const [details] = await decodeArrayFromPayloads(converter, payloads);
  return details as Details | undefined;
}

type ToldAbove = Pick<UpgradeProgress, 'rollout' | 'restoring' | 'images'>;

/** What the first of them tells that is at it. */
function toldAbove(above: readonly AboveLook[]): ToldAbove {
  const [rollout] = above.flatMap((one) => one.rollout ?? []);
  const [restoring] = above.flatMap((one) => one.restoring ?? []);
  const [images] = above.flatMap((one) => one.images ?? []);
  return {
    ...(rollout === undefined ? {} : { rollout }),
    ...(restoring === undefined ? {} : { restoring }),
    ...(images === undefined ? {} : { images }),
  };
}

interface AboveLook extends ToldAbove {
  readonly unsettled: readonly UnsettledActivity[];
}

async function readAbove(client: Client, workflowId: string): Promise<AboveLook> {
  const handle = client.workflow.getHandle(workflowId);
  const description = await askChild(client, () => handle.describe());
  if (description === undefined) return { unsettled: [] };
  const unsettled = unsettledActivities(description, Date.now());
  const restore = await readHeartbeat<PhaseProgress>(client, description, 'restoreSnapshot');
  if (restore !== undefined) return { unsettled, restoring: restore.phase };
  const pulling = await readHeartbeat<PhaseProgress>(client, description, 'pullImages');
  if (pulling !== undefined) return { unsettled, images: pulling.phase };
  const told =
    (await readHeartbeat<RolloutProgress>(client, description, 'rollOutPool')) ??
    (await readHeartbeat<RolloutProgress>(client, description, 'replaceMembers'));
  if (told === undefined) return { unsettled };
  // What the next attempt goes on from is nobody else's.
  const { phase, updated, replicas } = told;
  return { unsettled, rollout: { phase, updated, replicas } };
}

export async function askChild<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await client.withDeadline(Date.now() + childTimeoutMs, ask);
  } catch {
    // Not begun yet, just ended, or its worker is away: the root's answer stands alone (G1).
    return undefined;
  }
}

function withoutActive(pool: PoolStatus): Omit<PoolStatus, 'active'> {
  const { active: _active, ...rest } = pool;
  return rest;
}
