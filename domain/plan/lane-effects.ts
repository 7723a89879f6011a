// What the lane of each pool saves and risks, compared with the other lane, for whoever reviews a
// plan. It is reckoned from the plan alone.

import { count } from '../counts';
import { laneDrains, mostBehind } from './lanes';
import type { NodeName, PoolName } from '../names';
import type { Plan } from './plan';
import type { Lane } from '../spec';
import type { KubeVersion } from '../versions';

export interface LaneEffect {
  readonly pool: PoolName;
  readonly lane: Lane;
  /** Drains over all hops. */
  readonly drains: number;
  /** What its kubelets are behind the API servers at the most after a hop, in minors. */
  readonly mostBehind: number;
  /** The same for the other lane. */
  readonly other: { readonly lane: Lane; readonly drains: number; readonly mostBehind: number };
}

/** Of each pool whose drains would be fewer or more in the other lane, in the order of the plan. */
export function laneEffects({ hops }: Plan): readonly LaneEffect[] {
  const targets = hops.map(({ to }) => to);
  const pools = new Map<PoolName, { lane: Lane; starts: Map<NodeName, KubeVersion> }>();
  for (const step of hops.flatMap((hop) => hop.steps)) {
    if (step.kind !== 'pool') continue;
    const pool = pools.get(step.pool) ?? { lane: step.lane, starts: new Map() };
    pools.set(step.pool, pool);
    for (const { name, from } of step.nodes) {
      if (!pool.starts.has(name)) pool.starts.set(name, from);
    }
  }
  const effects = [...pools].map(([pool, { lane, starts }]): LaneEffect => {
    const other = lane === 'every-hop' ? 'fewest-drains' : 'every-hop';
    const inLane = (one: Lane) => ({
      drains: [...starts.values()].reduce((sum, at) => sum + laneDrains(one, at, targets), 0),
      mostBehind: Math.max(...[...starts.values()].map((at) => mostBehind(one, at, targets))),
    });
    return { pool, lane, ...inLane(lane), other: { lane: other, ...inLane(other) } };
  });
  return effects.filter(({ drains, other }) => drains !== other.drains);
}

/** `pool batch: fewest-drains saves 2 of 4 drains; …`. */
export function laneSentence({ pool, lane, drains, other, ...told }: LaneEffect): string {
  return lane === 'every-hop'
    ? `pool ${pool}: fewest-drains would save ${drains - other.drains} of ${drains} drains, with` +
        ` kubelets up to ${count(other.mostBehind, 'minor')} behind meanwhile`
    : `pool ${pool}: fewest-drains saves ${other.drains - drains} of ${other.drains} drains; its` +
        ` kubelets are up to ${count(told.mostBehind, 'minor')} behind until they jump, and then` +
        ' take the changes of all those minors at once';
}
