// Puts together what the workflows of one upgrade say about themselves: the root, its hop, the pool
// that runs, each node in work, and the heartbeats of their drains (docs/adr/0004).
// G1. The root must answer; whatever a child does not answer now is left out, not waited for.

import type { Client } from '@temporalio/client';
import {
  decodeArrayFromPayloads,
  loadDataConverter,
} from '@temporalio/common/lib/internal-non-workflow';

import type { DrainProgress } from '../domain/activity-contract';
import type { NodeName } from '../domain/names';
import type {
  HopStatus,
  NodeProgress,
  PoolStatus,
  UpgradeProgress,
  UpgradeStatus,
} from '../domain/progress';
import { hopWorkflowId, rollBackWorkflowId } from '../domain/workflow-ids';
import {
  hopStatusQuery,
  nodeStatusQuery,
  poolStatusQuery,
  statusQuery,
} from '../workflows/messages';
import type { Session } from './calls';
import { callUpgrade } from './calls';

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
  const nodes = await Promise.all(active.map((node) => readNode(session.client, node)));
  return {
    status,
    ...(pool === undefined ? {} : { pool: withoutActive(pool) }),
    members: hop?.members ?? [],
    nodes,
    ...(hop === undefined ? {} : { stepSeconds: hop.stepSeconds }),
  };
}

function readHop(session: Session, status: UpgradeStatus): Promise<HopStatus | undefined> {
  const { cluster, hop, phase } = status;
  if (hop === undefined || phase === 'ended') return Promise.resolve(undefined);
  const workflowId =
    phase === 'rolling-back'
      ? rollBackWorkflowId(cluster, status.rollBackTo?.hop ?? hop.id)
      : hopWorkflowId(cluster, hop.id);
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

async function readNode(
  client: Client,
  active: { readonly node: NodeName; readonly workflowId: string },
): Promise<NodeProgress> {
  const handle = client.workflow.getHandle(active.workflowId);
  const [status, drain] = await Promise.all([
    askChild(client, () => handle.query(nodeStatusQuery)),
    askChild(client, () => readDrain(client, active.workflowId)),
  ]);
  // A node whose workflow has only just begun is pending: it says so itself a moment later.
  const known = status ?? { node: active.node, phase: 'pending', phaseSinceMs: Date.now() };
  if (drain === undefined) return { ...known, blockers: [] };
  const { evicted, remaining, blockers } = drain;
  return { ...known, evicted, remaining, blockers };
}

/** The last heartbeat of the drain that runs, if one does and has told anything yet. */
async function readDrain(client: Client, workflowId: string): Promise<DrainProgress | undefined> {
  const description = await client.workflow.getHandle(workflowId).describe();
  const drain = description.raw.pendingActivities?.find(
    (activity) => activity.activityType?.name === 'drainNode',
  );
  const payloads = drain?.heartbeatDetails?.payloads;
  if (payloads === undefined || payloads === null) return undefined;
  const converter = loadDataConverter(client.options.dataConverter);
  const [details] = await decodeArrayFromPayloads(converter, payloads);
  return details as DrainProgress | undefined;
}

async function askChild<T>(client: Client, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await client.withDeadline(Date.now() + childTimeoutMs, ask);
  } catch {
    // Not begun yet, just ended, or its worker is away: the root's answer stands alone (G1).
    return undefined;
  }
}

function withoutActive(pool: PoolStatus): Omit<PoolStatus, 'active'> {
  const { pool: name, total, pending, done, paused } = pool;
  return { pool: name, total, pending, done, paused };
}
