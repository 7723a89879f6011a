// Which node belongs to which pool.
// N1. Pools are asked in the order of the spec; the first that fits takes the node.
// N2. A pool that the ones before it leave no node is a mistake in the spec, and said to be theirs.
// N3. A control-plane node is in no pool unless the pool's selector names it by its role or its
//     host name: `zone: a` must not make a drain of the control plane out of a drain of workers.

import type { PlanBlocker } from '../blockers';
import { listedNodes } from '../pool/node-listing';
import type { NodeObservation } from '../observation';
import type { PoolSpec } from '../spec';

/** Labels whose mention in a selector asks for control-plane nodes explicitly (N3). */
const explicitLabels: readonly string[] = [
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/master',
  'kubernetes.io/hostname',
];

export interface ResolvedPool {
  readonly spec: PoolSpec;
  /** As the plan lists them. */
  readonly nodes: readonly NodeObservation[];
}

export interface ResolvedPools {
  readonly pools: readonly ResolvedPool[];
  /** Control-plane nodes that no pool names; somebody else upgrades their kubelets. */
  readonly unmanaged: readonly NodeObservation[];
  /** `pool-empty` and `node-without-pool`. */
  readonly blockers: readonly PlanBlocker[];
}

/** Divides the nodes among the pools; the order of `nodes` does not matter. */
export function resolvePools(
  specs: readonly PoolSpec[],
  nodes: readonly NodeObservation[],
): ResolvedPools {
  const owners: readonly Owned[] = nodes.map((node) => ({
    node,
    owner: specs.find((spec) => isInPool(node, spec)),
  }));
  const pools = specs.map((spec) => {
    const taken = owners.filter(({ owner }) => owner === spec).map(({ node }) => node);
    return { spec, nodes: listedNodes(taken, spec) };
  });
  const left = owners.filter(({ owner }) => owner === undefined).map(({ node }) => node);
  const blockers: PlanBlocker[] = [
    ...pools
      .filter((pool) => pool.nodes.length === 0)
      .map((pool) => emptyPool(pool.spec, specs, owners)),
    ...left
      .filter((node) => !node.isControlPlane)
      .map((node) => ({ code: 'node-without-pool', node: node.name }) as const),
  ];
  return { pools, unmanaged: left.filter((node) => node.isControlPlane), blockers };
}

interface Owned {
  readonly node: NodeObservation;
  readonly owner: PoolSpec | undefined;
}

/** N2. */
function emptyPool(
  spec: PoolSpec,
  specs: readonly PoolSpec[],
  owners: readonly Owned[],
): PlanBlocker {
  const selected = owners.filter(({ node }) => isInPool(node, spec));
  const takenBy = specs
    .filter((other) => selected.some(({ owner }) => owner === other))
    .map(({ name }) => name);
  return { code: 'pool-empty', pool: spec.name, ...(takenBy.length === 0 ? {} : { takenBy }) };
}

function isInPool(node: NodeObservation, { nodeSelector }: PoolSpec): boolean {
  const labels = Object.entries(nodeSelector);
  if (node.isControlPlane && !labels.some(([key]) => explicitLabels.includes(key))) return false;
  return labels.every(([key, value]) => node.labels[key] === value);
}
