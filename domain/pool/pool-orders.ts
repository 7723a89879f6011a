// In which order the nodes of each pool would go if they went now, and why: `plan --explain`. The
// plan does not say it where it leaves it open, because pods come and go; so it is told beside the
// plan, and its digest does not cover it.

import type { HopId, NodeName, PoolName } from '../names';
import type { OrderableNode, OrderReason } from './node-order';
import { windowOf } from './node-listing';
import { nodeOrder } from './node-order';
import type { NodeObservation, Observation } from '../observation';
import type { Hop, Plan, PoolWindow } from '../plan/plan';
import type { ResolvedPool } from '../plan/pools';
import { resolvePools } from '../plan/pools';
import type { UpgradeSpec } from '../spec';
import { maxChunkNodes } from '../workflow-ids';

/** `chunk`: the first of the next chunk of a large pool (O4 of node-order.ts). */
export type TurnReason = OrderReason | { readonly place: 'follows'; readonly by: 'chunk' };

/** A node at its place. */
export interface NodeTurn {
  readonly name: NodeName;
  readonly zone: string;
  /** Pods that leave it. */
  readonly pods: number;
  /** Those that belong to a StatefulSet or claim a volume; absent where that was not observed. */
  readonly statefulPods?: number;
  /** Of the label that orders the pool; absent where the node lacks it. */
  readonly orderValue?: string;
  readonly reason: TurnReason;
}

/** A node of the pool that the hop leaves as it is. */
export interface RestingNode {
  readonly name: NodeName;
  /** `at-version`: it needs no change any more. `later-hop`: its lane takes it in another hop. */
  readonly why: 'at-version' | 'later-hop';
}

export interface PoolOrder {
  readonly hop: HopId;
  readonly pool: PoolName;
  readonly window: PoolWindow;
  /** The label that orders the pool; absent where what is on the nodes does. */
  readonly orderLabel?: string;
  /** In the order in which they go. */
  readonly nodes: readonly NodeTurn[];
  readonly resting: readonly RestingNode[];
}

export interface ExplainedPlan {
  readonly plan: Plan;
  /** What the plan was made from. */
  readonly spec: UpgradeSpec;
  readonly observation: Observation;
}

/** One for each pool step, in the order of the plan; the spec's pools are those of the plan. */
export function poolOrders({ plan, spec, observation }: ExplainedPlan): readonly PoolOrder[] {
  const { pools } = resolvePools(spec.pools, observation.nodes);
  return plan.hops.flatMap((hop, index) => {
    const now = changedNodes(hop);
    const later = new Set(plan.hops.slice(index + 1).flatMap((next) => [...changedNodes(next)]));
    const inTurn = hop.steps.flatMap((step) => (step.kind === 'pool' ? step.pool : []));
    return inTurn.flatMap((name) =>
      pools
        .filter((pool) => pool.spec.name === name)
        .map((pool) => poolOrder(hop.id, pool, { now, later })),
    );
  });
}

function changedNodes({ steps }: Hop): ReadonlySet<NodeName> {
  const nodes = steps.flatMap((step) => (step.kind === 'pool' ? step.nodes : []));
  return new Set(nodes.map(({ name }) => name));
}

function poolOrder(
  hop: HopId,
  { spec, nodes }: ResolvedPool,
  changes: { readonly now: ReadonlySet<NodeName>; readonly later: ReadonlySet<NodeName> },
): PoolOrder {
  const window = windowOf(spec);
  const { name: pool, orderLabel } = spec;
  const goes = ({ name }: NodeObservation): boolean => changes.now.has(name);
  const weighed = nodes.filter(goes).map((node) => weighedNode(node, orderLabel));
  return {
    hop,
    pool,
    window,
    ...(orderLabel === undefined ? {} : { orderLabel }),
    nodes: inChunks(weighed, window).map(({ told, name, zone, pods, reason }) => ({
      name,
      zone,
      pods,
      ...told,
      reason,
    })),
    resting: nodes
      .filter((node) => !goes(node))
      .map(({ name }) => ({ name, why: changes.later.has(name) ? 'later-hop' : 'at-version' })),
  };
}

function inChunks(nodes: readonly WeighedNode[], window: PoolWindow): readonly WeighedTurn[] {
  const chunks: WeighedTurn[] = [];
  const size = maxChunkNodes({ window });
  for (let begin = 0; begin < nodes.length; begin += size) {
    const ordered = nodeOrder(nodes.slice(begin, begin + size), window);
    // There is one canary, in the first chunk.
    const isCanary = ({ reason }: WeighedTurn): boolean => reason.place === 'canary' && begin > 0;
    const reason = { place: 'follows', by: 'chunk' } as const;
    chunks.push(...ordered.map((node) => (isCanary(node) ? { ...node, reason } : node)));
  }
  return chunks;
}

interface WeighedNode extends OrderableNode {
  readonly told: Pick<NodeTurn, 'statefulPods' | 'orderValue'>;
}

interface WeighedTurn extends WeighedNode {
  readonly reason: TurnReason;
}

function weighedNode(node: NodeObservation, orderLabel: string | undefined): WeighedNode {
  const { name, zone, evictablePods: pods, statefulPods } = node;
  const orderValue = orderLabel === undefined ? undefined : node.labels[orderLabel];
  const told = {
    ...(statefulPods === undefined ? {} : { statefulPods }),
    ...(orderValue === undefined ? {} : { orderValue }),
  };
  return { name, zone, pods, statefulPods: statefulPods ?? 0, told };
}
