// What a hop drains, and what is known of what runs there.

import type { NodeName, PoolName } from '../names';
import type { Observation, Problem } from '../observation';
import type { Hop } from '../plan/plan';
import { replacesMachines } from '../plan/plan';
import type { CollectedEvidence } from '../simulation/evidence';
import type { DrainPolicy } from '../spec';

/** A pool with the nodes that a hop drains, and how. */
export interface DrainedPool {
  readonly pool: PoolName;
  readonly nodes: readonly NodeName[];
  /** Nodes that are out at a time, resolved. */
  readonly atOnce: number;
  readonly drain: DrainPolicy;
}

/**
 * Empty: it drains nothing. Undefined: controllers of others drain machines as well, by their own
 * rules, and any node may be among them.
 */
export function drainedPools({ steps }: Pick<Hop, 'steps'>): readonly DrainedPool[] | undefined {
  if (steps.some(replacesMachines)) return undefined;
  return steps.flatMap((step): readonly DrainedPool[] => {
    if (step.kind !== 'pool') return [];
    const { pool, nodes, maxUnavailable: atOnce, drain } = step;
    return [{ pool, nodes: nodes.map(({ name }) => name), atOnce, drain }];
  });
}

/** What runs in the cluster, as far as drains meet it. */
export type DrainsObservation =
  | ({ readonly kind: 'observed' } & CollectedEvidence)
  | { readonly kind: 'unobserved'; readonly problem: Problem };

/** What a preflight looks at. `drains` is large, and in no file: absent where nobody looked. */
export interface PreflightObservation extends Observation {
  readonly drains?: DrainsObservation;
}
