// When each node of a pool follows the control plane.
// L1. A node goes to the release of the hop in which it goes, never past it (K1).
// L2. `every-hop`: in each hop in which it is behind.
// L3. `fewest-drains`: only in the last hop, and in a hop after which the API servers of the next
//     one would leave it too old (K2). Going as late as possible is what makes the drains fewest,
//     and makes the decision the same when the rest of a plan is made again in mid-upgrade.

import type { NodeObservation } from '../observation';
import type { NodeChange } from './plan';
import { isKubeletTooOld } from './skew';
import type { Lane } from '../spec';
import type { KubeVersion } from '../versions';
import { compareVersions, minorsBetween } from '../versions';

export interface LaneInput {
  readonly lane: Lane;
  readonly nodes: readonly NodeObservation[];
  /** The release of the control plane after each hop. */
  readonly targets: readonly KubeVersion[];
}

/** The nodes that change in the hop with this index, in the order of `nodes`. */
export function laneChanges({ lane, nodes, targets }: LaneInput, hop: number): NodeChange[] {
  return nodes.flatMap(({ name, zone, kubeletVersion }) => {
    const from = versionAfter(lane, kubeletVersion, targets, hop);
    const to = versionAfter(lane, kubeletVersion, targets, hop + 1);
    return from === to ? [] : [{ name, zone, from, to }];
  });
}

/** In how many of the hops a kubelet that starts at `start` changes. */
export function laneDrains(
  lane: Lane,
  start: KubeVersion,
  targets: readonly KubeVersion[],
): number {
  const before = (hop: number): KubeVersion => versionAfter(lane, start, targets, hop);
  return targets.filter((_, hop) => before(hop) !== before(hop + 1)).length;
}

/** How many minors it is behind the API servers at the most, its own change of a hop included. */
export function mostBehind(
  lane: Lane,
  start: KubeVersion,
  targets: readonly KubeVersion[],
): number {
  const behind = targets.map((target, hop) =>
    minorsBetween(versionAfter(lane, start, targets, hop + 1), target),
  );
  return Math.max(0, ...behind);
}

/** Where a kubelet is after the first `hops` hops. */
function versionAfter(
  lane: Lane,
  start: KubeVersion,
  targets: readonly KubeVersion[],
  hops: number,
): KubeVersion {
  return targets.slice(0, hops).reduce((at, target, index) => {
    const next = targets[index + 1];
    const mayWait = lane === 'fewest-drains' && next !== undefined && !isKubeletTooOld(at, next);
    return mayWait || compareVersions(at, target) >= 0 ? at : target;
  }, start);
}
