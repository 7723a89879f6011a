// Workflow ids carry meaning: the id of upgradeCluster is the lock of the cluster, and everybody
// who knows the plan can name every child (docs/concepts.md, Durable).

import type { ClusterName, HopId, NodeName, PoolName } from './names';
import type { PoolStep } from './plan/plan';

/** `upgrade/<cluster>`. */
export function upgradeWorkflowId(cluster: ClusterName): string {
  return `upgrade/${cluster}`;
}

/** `upgrade/<cluster>/hop-1.29`. */
export function hopWorkflowId(cluster: ClusterName, hop: HopId): string {
  return `${upgradeWorkflowId(cluster)}/${hop}`;
}

/** Nodes of one pool workflow: its history stays under 4,096 events, one at a time or many. */
export function maxChunkNodes({ window }: Pick<PoolStep, 'window'>): number {
  return window === undefined ? 250 : 200;
}

/** `upgrade/<cluster>/hop-1.29/web`, and `/2` and so on for the further chunks of a large pool. */
export function poolWorkflowId(hopId: string, pool: PoolName, chunk: number): string {
  return chunk === 0 ? `${hopId}/${pool}` : `${hopId}/${pool}/${chunk + 1}`;
}

/** `…/web/worker-3`. */
export function nodeWorkflowId(poolId: string, node: NodeName): string {
  return `${poolId}/${node}`;
}

/** `drain/<cluster>/<node>`: the drain of one node outside of an upgrade, or its undoing. */
export function drainWorkflowId(cluster: ClusterName, node: NodeName): string {
  return `drain/${cluster}/${node}`;
}

/** `snapshot/<cluster>`: what is asked for about its snapshots, one at a time. */
export function snapshotWorkflowId(cluster: ClusterName): string {
  return `snapshot/${cluster}`;
}

/** `snapshot-schedule/<cluster>`: the schedule; what it starts has `/run-` and the time as well. */
export function snapshotScheduleId(cluster: ClusterName): string {
  return `snapshot-schedule/${cluster}`;
}

/** `preflight/<cluster>`: the schedule that looks ahead; what it starts is named as that of one. */
export function preflightScheduleId(cluster: ClusterName): string {
  return `preflight/${cluster}`;
}

/** `rollback-preview/<cluster>`: what a rollback would undo; the last one is what is confirmed. */
export function rollBackPreviewWorkflowId(cluster: ClusterName): string {
  return `rollback-preview/${cluster}`;
}

/** `rollback-drill/<cluster>`: a rollback that is tried beside the cluster; one at a time. */
export function drillWorkflowId(cluster: ClusterName): string {
  return `rollback-drill/${cluster}`;
}

/** `upgrade/<cluster>/hop-1.29/rollback`. */
export function rollBackWorkflowId(cluster: ClusterName, hop: HopId): string {
  return `${hopWorkflowId(cluster, hop)}/rollback`;
}

/** Random in every UUID, also in version 7, which begins with the time (RFC 9562, section 5.7). */
const uuidTail = 12;

/**
 * What belongs to one run of an upgrade alone (docs/adr/0005): `hop-1.29-5b1d6a0e93f4`, of the name
 * in the plan and the root's first run id. The beginning of the id would not do: upgrades that
 * begin within the same minute share it.
 */
export function nameOfRun(name: string, upgrade: string): string {
  return `${name}-${upgrade.slice(-uuidTail)}`;
}
