// Which node of a pool goes when, as far as the pods that are on the nodes decide it: what
// `plan --explain` shows as of now, and what a pool asks for when a node may begin.
// O1. The canary is the node that disrupts the least: the fewest stateful pods, then the fewest
//     pods, then the name. A release that breaks nodes breaks the cheapest one.
// O2. Zones one at a time: in the order of their first nodes, so that of the canary first. Whoever
//     asks again when a zone is through gets the others in the same order.
// O3. Among nodes of a zone those that disrupt the least go first, so that nodes with stateful pods
//     go last, when the release has proved itself on the others.
// O4. A pool is carried out in chunks, one after the other, and this is the order inside of one.
// O5. `as-listed`: in the order of the list, the user's; its first is the canary.

import type { NodeName } from '../names';
import type { PoolWindow } from '../plan/plan';
import { byName } from '../text-order';

/** A node with what leaves it when it is drained. */
export interface OrderableNode {
  readonly name: NodeName;
  readonly zone: string;
  readonly pods: number;
  /** Those of `pods` that belong to a StatefulSet or claim a volume. */
  readonly statefulPods: number;
}

/** What two nodes differ in, so that one goes before the other. */
type Difference = 'stateful-pods' | 'pods' | 'name';

/**
 * Why a node goes when it goes. `than`: of the canary the node that would be it otherwise, of the
 * others the one before. `listed`: the user's order. `only`: there is no other node.
 */
export type OrderReason =
  | { readonly place: 'canary'; readonly by: 'only' | 'listed' }
  | { readonly place: 'canary'; readonly by: Difference; readonly than: NodeName }
  | { readonly place: 'follows'; readonly by: 'listed' }
  | { readonly place: 'follows'; readonly by: Difference | 'zone'; readonly than: NodeName };

export type OrderedNode<Node extends OrderableNode> = Node & { readonly reason: OrderReason };

/**
 * The nodes in the order in which they go (O1 to O5), the canary first; the same for the same nodes
 * in any order, unless that order is the user's. O(n log n).
 */
export function nodeOrder<Node extends OrderableNode>(
  nodes: readonly Node[],
  { zones, order }: PoolWindow,
): readonly OrderedNode<Node>[] {
  const sorted = order === 'as-listed' ? nodes : leastDisruptiveFirst(nodes, zones);
  const [canary, ...others] = sorted;
  if (canary === undefined) return [];
  const ordered = [{ ...canary, reason: canaryReason(canary, others, order) }];
  let before = canary;
  for (const node of others) {
    ordered.push({ ...node, reason: placeReason(before, node, { zones, order }) });
    before = node;
  }
  return ordered;
}

/** O1 to O3. */
function leastDisruptiveFirst<Node extends OrderableNode>(
  nodes: readonly Node[],
  zones: PoolWindow['zones'],
): readonly Node[] {
  const sorted = nodes.toSorted(byDisruption);
  return zones === 'any' ? sorted : zoneByZone(sorted);
}

/** Zones in the order of their first nodes, the nodes of each in the order given. */
export function zoneByZone<Node extends { readonly zone: string }>(
  nodes: readonly Node[],
): readonly Node[] {
  const inTurn = new Map<string, Node[]>();
  for (const node of nodes) {
    const known = inTurn.get(node.zone);
    if (known === undefined) inTurn.set(node.zone, [node]);
    else known.push(node);
  }
  return [...inTurn.values()].flat();
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
  return { place: 'canary', by: difference(canary, rival), than: rival.name };
}

function placeReason(
  before: OrderableNode,
  node: OrderableNode,
  { zones, order }: PoolWindow,
): OrderReason {
  if (order === 'as-listed') return { place: 'follows', by: 'listed' };
  const than = before.name;
  if (zones !== 'any' && before.zone !== node.zone) return { place: 'follows', by: 'zone', than };
  return { place: 'follows', by: difference(before, node), than };
}

function byDisruption(a: OrderableNode, b: OrderableNode): number {
  return a.statefulPods - b.statefulPods || a.pods - b.pods || byName(a, b);
}

function difference(before: OrderableNode, node: OrderableNode): Difference {
  if (before.statefulPods !== node.statefulPods) return 'stateful-pods';
  return before.pods === node.pods ? 'name' : 'pods';
}
