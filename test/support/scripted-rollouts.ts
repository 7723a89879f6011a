// Machines of a pool in memory: what a rollout makes of an observation.

import type { MemberName, NodeName, PoolName } from '../../domain/names';
import type { NodeObservation, Observation } from '../../domain/observation';
import type {
  ReplaceMembersInput,
  RollOutInput,
  RollOutResult,
} from '../../domain/rollout-contract';

/** Every node belongs to one MachineDeployment, which serves this pool. */
export function withDeployment(observation: Observation, pool: string): Observation {
  const nodes = observation.nodes.map(({ name }) => name);
  const [first] = observation.nodes;
  const version = first === undefined ? {} : { version: first.kubeletVersion };
  const serves = { name: `${pool}-md-0`, pool: pool as PoolName, maxUnavailable: 0, holds: [] };
  const deployment = { ...serves, ...version, replicas: nodes.length, nodes };
  return { ...observation, machineDeployments: [deployment] };
}

/** Every member is a machine of one control plane, and called after its release. */
export function withControlPlane(observation: Observation): Observation {
  const [first] = observation.members;
  const version = first?.apiServer.kind === 'observed' ? first.apiServer.version : undefined;
  const told = version === undefined ? {} : { version };
  const controlPlaneObject = {
    object: 'KubeadmControlPlane prod-cp',
    ...told,
    replicas: observation.members.length,
    nodes: [],
    holds: [],
  };
  return { ...observation, changedAs: 'member', controlPlaneObject };
}

/** `cp-1` becomes `cp-1-v1.29.15`. */
export function replacedName(name: string, { to }: ReplaceMembersInput): MemberName {
  const [base = ''] = name.split('-v');
  return `${base}-v${to}` as MemberName;
}

export interface RolledOut {
  readonly gone: readonly NodeName[];
  readonly made: readonly NodeObservation[];
  readonly deployments: NonNullable<Observation['machineDeployments']>;
  readonly result: RollOutResult;
}

/** Other nodes, of the release, in place of those of the pool; the same where they are there. */
export function rolledOut(observation: Observation, input: RollOutInput): RolledOut {
  const { pool, from, to } = input;
  const { nodes, machineDeployments = [] } = observation;
  const gone = machineDeployments.flatMap((one) => (one.pool === pool ? one.nodes : []));
  const isThere = nodes.every((one) => !gone.includes(one.name) || one.kubeletVersion === to);
  const made = nodes.flatMap((node): readonly NodeObservation[] => {
    if (!gone.includes(node.name)) return [];
    const [base = ''] = node.name.split('-v');
    const name = `${base}-v${to}` as NodeName;
    return [isThere ? node : { ...node, name, kubeletVersion: to }];
  });
  const names = made.map(({ name }) => name);
  const deployments = machineDeployments.map((one) =>
    one.pool === pool ? { ...one, version: to, nodes: names } : one,
  );
  const change = { before: isThere ? to : from, after: to, changed: !isThere, seconds: 1 };
  return { gone, made, deployments, result: { ...change, nodes: names } };
}
