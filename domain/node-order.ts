// Which node of a pool goes when, as far as the pods that are on the nodes decide it: what
// `plan --explain` shows as of now, and what a pool asks for when a node may begin.
// O1. The canary is the node that disrupts the least: the fewest stateful pods, then the fewest
//     pods, then the name. A release that breaks nodes breaks the cheapest one.
// O2. Zones one at a time: that of the canary first, the others by name.
// O3. Among nodes of a zone those that disrupt the least go first, so that nodes with stateful pods
//     go last, when the release has proved itself on the others.
// O4. `as-listed`: in the order of the list, the user's; its first is the canary.

import type { NodeName } from './names';
import type { PoolWindow } from './plan';
import { byName, compareTexts } from './text-order';

/** A node with what leaves it when it is drained. */
export interface OrderableNode {
  readonly name: NodeName;
  readonly zone: string;
  readonly pods: number;
  /** Those of `pods` that belong to a StatefulSet or claim a volume. */
  readonly statefulPods: number;
}

/** What two nodes differ in, so that one goes before the other. */
type Difference = 'zone' | 'stateful-pods' | 'pods' | 'name';

/**
 * Of the canary: what puts it before all others; `only`: there are none. Of the others: what puts
 * it behind the node before it. `listed`: the user's order.
 */
export interface OrderReason {
  readonly place: 'canary' | 'follows';
  readonly by: Difference | 'listed' | 'only';
}

export type OrderedNode<Node extends OrderableNode> = Node & { readonly reason: OrderReason };

/**
 * The nodes in the order in which they go (O1 to O4), the canary first; the same for the same nodes
 * in any order, unless that order is the user's. O(n log n).
 */
export function nodeOrder<Node extends OrderableNode>(
  nodes: readonly Node[],
  { zones, order }: PoolWindow,
): readonly OrderedNode<Node>[] {
  const isAnyZone = zones === 'any';
  const sorted = order === 'as-listed' ? nodes : leastDisruptiveFirst(nodes, isAnyZone);
  const [canary, ...others] = sorted;
  if (canary === undefined) return [];
  const ordered = [{ ...canary, reason: canaryReason(canary, others, order) }];
  let before = canary;
  for (const node of others) {
    const by = order === 'as-listed' ? 'listed' : difference(before, node, isAnyZone);
    ordered.push({ ...node, reason: { place: 'follows', by } });
    before = node;
  }
  return ordered;
}

/** O1 to O3. */
function leastDisruptiveFirst<Node extends OrderableNode>(
  nodes: readonly Node[],
  isAnyZone: boolean,
): readonly Node[] {
  const sorted = nodes.toSorted(byDisruption);
  const [canary] = sorted;
  if (isAnyZone || canary === undefined) return sorted;
  const waits = ({ zone }: Node): number => (zone === canary.zone ? 0 : 1);
  // Sorting is stable: inside of a zone nothing changes.
  return sorted.toSorted((a, b) => waits(a) - waits(b) || compareTexts(a.zone, b.zone));
}

function canaryReason(
  canary: OrderableNode,
  others: readonly OrderableNode[],
  order: PoolWindow['order'],
): OrderReason {
  const [other, ...rest] = others;
  if (other === undefined) return { place: 'canary', by: 'only' };
  if (order === 'as-listed') return { place: 'canary', by: 'listed' };
  const rival = rest.reduce((least, one) => (byDisruption(one, least) < 0 ? one : least), other);
  return { place: 'canary', by: difference(canary, rival, true) };
}

function byDisruption(a: OrderableNode, b: OrderableNode): number {
  return a.statefulPods - b.statefulPods || a.pods - b.pods || byName(a, b);
}

/** Between a node and one that goes after it. */
function difference(before: OrderableNode, node: OrderableNode, isAnyZone: boolean): Difference {
  if (!isAnyZone && before.zone !== node.zone) return 'zone';
  if (before.statefulPods !== node.statefulPods) return 'stateful-pods';
  return before.pods === node.pods ? 'name' : 'pods';
}
