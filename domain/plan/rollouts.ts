// Pools whose nodes are replaced as wholes, by MachineDeployments of Cluster API: what is planned
// for them, and what stands in the way.
// D1. A pool is the nodes of one MachineDeployment, all of them and no others: whoever asks for the
//     one must not get the other.
// D2. A rollout to any version but the one that is planned is somebody else's: it is waited for.
// D3. What the spec lets be missing at once bounds the MachineDeployment; it is not written to it.

import type { PlanBlocker, RolloutFault } from '../blockers';
import { laneChanges } from './lanes';
import type { MachineDeploymentObservation, NodeObservation, Observation } from '../observation';
import type { Hop, RolloutStep } from './plan';
import { resolveMaxUnavailable } from '../pool/pool-limits';
import type { ResolvedPool } from './pools';
import type { KubeVersion } from '../versions';
import { compareVersions } from '../versions';

type Deployments = NonNullable<Observation['machineDeployments']>;

/** What is planned for the pool in the hop with this index; nothing where it is there already. */
export function rolloutStep(
  { spec, nodes }: ResolvedPool,
  deployments: Deployments,
  targets: readonly KubeVersion[],
  index: number,
): readonly RolloutStep[] {
  const deployment = deploymentOf(spec.name, deployments);
  const [oldest] = byAge(nodes);
  if (deployment === undefined || oldest === undefined) return [];
  const { name: pool, lane, drain, upgradeTimeoutMs } = spec;
  const stuckMs = drain.timeoutMs + upgradeTimeoutMs;
  const { name: machineDeployment, replicas } = deployment;
  return laneChanges({ lane, nodes: [oldest], targets }, index).map(({ from, to }) => ({
    kind: 'rollout',
    pool,
    lane,
    machineDeployment,
    from,
    to,
    replicas,
    stuckMs,
  }));
}

/** Every reason why a pool cannot be rolled out; none where nodes are changed by themselves. */
export function rolloutBlockers(facts: {
  readonly pools: readonly ResolvedPool[];
  readonly deployments: Deployments | undefined;
  readonly hops: readonly Hop[];
  /** The oldest. */
  readonly apiServer: KubeVersion;
}): readonly PlanBlocker[] {
  const { pools, deployments, hops, apiServer } = facts;
  if (deployments === undefined) return [];
  return pools.flatMap((pool) => {
    const { name } = pool.spec;
    const deployment = deploymentOf(name, deployments);
    const steps = hops.flatMap((hop) => hop.steps);
    const step = steps.find((one) => one.kind === 'rollout' && one.pool === name);
    const to = step?.kind === 'rollout' ? step.to : undefined;
    const faults: readonly RolloutFault[] =
      deployment === undefined
        ? [{ why: 'no-deployment' }]
        : [
            ...deployment.holds.map((why) => ({ why, deployment: deployment.name }) as const),
            ...strangers(pool, deployment),
            ...otherVersion(pool, deployment, { to, apiServer }),
            ...overLimit(pool, deployment),
          ];
    return faults.map((fault) => ({ code: 'rollout-unusable', pool: name, ...fault }) as const);
  });
}

function deploymentOf(
  pool: ResolvedPool['spec']['name'],
  deployments: Deployments,
): MachineDeploymentObservation | undefined {
  return deployments.find((one) => one.pool === pool);
}

function byAge(nodes: readonly NodeObservation[]): readonly NodeObservation[] {
  return nodes.toSorted((a, b) => compareVersions(a.kubeletVersion, b.kubeletVersion));
}

/** D1. */
function strangers(
  { nodes }: ResolvedPool,
  { name: deployment, nodes: machines }: MachineDeploymentObservation,
): readonly RolloutFault[] {
  const known = new Set(machines);
  const [first, ...others] = nodes.map(({ name }) => name).filter((name) => !known.has(name));
  if (first === undefined) return [];
  return [{ why: 'other-nodes', deployment, nodes: [first, ...others] }];
}

/** D2. */
function otherVersion(
  { nodes }: ResolvedPool,
  { name: deployment, version }: MachineDeploymentObservation,
  { to, apiServer }: { readonly to: KubeVersion | undefined; readonly apiServer: KubeVersion },
): readonly RolloutFault[] {
  if (version === undefined) return [{ why: 'no-version', deployment }];
  const [oldest] = byAge(nodes.filter(({ kubeletVersion }) => kubeletVersion !== version));
  if (oldest === undefined) return [];
  if (version === to && compareVersions(to, apiServer) <= 0) return [];
  return [{ why: 'under-way', deployment, version, at: oldest.kubeletVersion }];
}

/** D3. */
function overLimit(
  { spec, nodes }: ResolvedPool,
  { name: deployment, maxUnavailable }: MachineDeploymentObservation,
): readonly RolloutFault[] {
  const limit = resolveMaxUnavailable(spec.maxUnavailable, nodes.length);
  return maxUnavailable > limit ? [{ why: 'over-limit', deployment, maxUnavailable, limit }] : [];
}
