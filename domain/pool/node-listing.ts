// In which order a plan lists the nodes of a pool, and what it leaves open for the time when the
// pool is carried out.
// K1. Without `orderLabel`: by zone, then by name; what is on a node is no matter, because a plan
//     and its digest must not change with every pod.
// K2. With `orderLabel`: by its value, then by name; a zone follows another only when it is through
//     (unless any zone may go), the zones in the order of their first node.
// K3. Values that are numbers come first and compare as numbers: 9 is before 10. The others compare
//     by code units.
// K4. Before an upgrade every node must have the label. A node that joins in the middle of one
//     without it goes last: it must not stop what is under way.

import type { PlanBlocker } from '../blockers';
import type { NodeObservation } from '../observation';
import type { PoolWindow } from '../plan/plan';
import type { PoolSpec } from '../spec';
import { byName, compareTexts } from '../text-order';
import { zoneByZone } from './node-order';

type Ordering = Pick<PoolSpec, 'zones' | 'orderLabel'>;

export function windowOf({ zones = 'one-at-a-time', orderLabel }: Ordering): PoolWindow {
  return { zones, order: orderLabel === undefined ? 'least-disruptive' : 'as-listed' };
}

/** The same for the same nodes in any order. */
export function listedNodes(
  nodes: readonly NodeObservation[],
  { zones = 'one-at-a-time', orderLabel }: Ordering,
): readonly NodeObservation[] {
  if (orderLabel === undefined) return nodes.toSorted(byZoneAndName);
  const ordered = nodes.toSorted(
    (a, b) => compareValues(a.labels[orderLabel], b.labels[orderLabel]) || byName(a, b),
  );
  return zones === 'any' ? ordered : zoneByZone(ordered);
}

/** K4. The nodes by name. */
export function orderLabelBlockers(
  { name: pool, orderLabel: label }: PoolSpec,
  nodes: readonly NodeObservation[],
): readonly PlanBlocker[] {
  if (label === undefined) return [];
  const without = nodes.filter(({ labels }) => labels[label] === undefined).toSorted(byName);
  const [first, ...rest] = without.map(({ name }) => name);
  if (first === undefined) return [];
  return [{ code: 'order-label-missing', pool, label, nodes: [first, ...rest] }];
}

function byZoneAndName(a: NodeObservation, b: NodeObservation): number {
  return compareTexts(a.zone, b.zone) || byName(a, b);
}

/** K3; a value that is missing is last. */
function compareValues(a: string | undefined, b: string | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  const [one, other] = [isNumber(a), isNumber(b)];
  if (one && other) return Number(a) - Number(b);
  return one === other ? compareTexts(a, b) : Number(other) - Number(one);
}

/** A label value has no sign. */
function isNumber(text: string): boolean {
  return /^\d+(\.\d+)?$/.test(text);
}
