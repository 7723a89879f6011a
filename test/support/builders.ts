// Values that many tests need, with defaults that are healthy: a test names only what it is about.
// `aCluster().withNodes(3, '1.28.15').observation()`; every `with…` gives a new builder.

import type { ClusterName, HopId, MemberName, NodeName, PoolName } from '../../domain/names';
import type {
  BudgetObservation,
  EtcdMemberObservation,
  EtcdObservation,
  MemberObservation,
  NodeObservation,
  Observation,
} from '../../domain/observation';
import type { Plan } from '../../domain/plan/plan';
import { planUpgrade } from '../../domain/plan/planner';
import { knownReleases } from '../../domain/plan/releases';
import type { DrainPolicy, PoolSpec, UpgradeSpec } from '../../domain/spec';
import type { KubeMinor, KubeVersion } from '../../domain/versions';
import { parseMinor, parseVersion } from '../../domain/versions';

/** `1.28.15` as the type has it; throws where a test mistyped it. */
export function version(text: string): KubeVersion {
  const parsed = parseVersion(text);
  if (parsed === undefined) throw new Error(`${text} is no version`);
  return parsed;
}

/** `1.30` as the type has it. */
export function minor(text: string): KubeMinor {
  const parsed = parseMinor(text);
  if (parsed === undefined) throw new Error(`${text} is no minor`);
  return parsed;
}

export const clusterName = (text: string) => text as ClusterName;
export const memberName = (text: string) => text as MemberName;
export const nodeName = (text: string) => text as NodeName;
export const poolName = (text: string) => text as PoolName;
export const hopId = (text: string) => text as HopId;

/** A member whose three components run one version; `overrides` replace whole fields. */
export function aMember(
  name: string,
  at = '1.28.15',
  overrides: Partial<MemberObservation> = {},
): MemberObservation {
  const controller = { kind: 'observed', version: version(at), healthy: true } as const;
  return {
    name: memberName(name),
    endpoint: `https://${name}.lab:6443`,
    apiServer: { kind: 'observed', version: version(at), ready: true, failingChecks: [] },
    controllerManager: controller,
    scheduler: controller,
    ...overrides,
  };
}

/** A Ready worker in zone `a`, in nobody's hands. */
export function aNode(
  name: string,
  at = '1.28.15',
  overrides: Partial<NodeObservation> = {},
): NodeObservation {
  return {
    name: nodeName(name),
    labels: { 'kubernetes.io/hostname': name },
    zone: 'a',
    isControlPlane: false,
    kubeletVersion: version(at),
    ready: true,
    cordon: { kind: 'none' },
    evictablePods: 10,
    ...overrides,
  };
}

export function anEtcdMember(
  name: string,
  overrides: Partial<EtcdMemberObservation> = {},
): EtcdMemberObservation {
  return {
    name,
    endpoint: `https://${name}.lab:2379`,
    version: '3.5.21',
    isLeader: false,
    isLearner: false,
    alarms: [],
    dbSizeBytes: 25_000_000,
    dbSizeInUseBytes: 20_000_000,
    quotaBytes: 0,
    raftIndex: 1_000,
    raftAppliedIndex: 1_000,
    ...overrides,
  };
}

/** Healthy members etcd-1 (the leader) to etcd-N. */
export function anEtcd(
  count = 3,
  overrides: Partial<Extract<EtcdObservation, { readonly kind: 'observed' }>> = {},
): EtcdObservation {
  const members = Array.from({ length: count }, (_, index) =>
    anEtcdMember(`etcd-${index + 1}`, { isLeader: index === 0 }),
  );
  return {
    kind: 'observed',
    memberCount: count,
    members,
    unreachable: [],
    hashesAgree: true,
    ...overrides,
  };
}

/** A budget `default/NAME` over ten Ready pods, one of which may leave. */
export function aBudget(
  name: string,
  overrides: Partial<BudgetObservation> = {},
): BudgetObservation {
  return {
    budget: { namespace: 'default', name },
    disruptionsAllowed: 1,
    currentHealthy: 10,
    desiredHealthy: 9,
    expectedPods: 10,
    observed: true,
    syncFailed: false,
    maxUnavailable: '1',
    ...overrides,
  };
}

const zones = ['a', 'b', 'c'] as const;

export interface NodesOptions extends Partial<NodeObservation> {
  /** Names are PREFIX-1, PREFIX-2 and so on; `worker` when absent. */
  readonly prefix?: string;
}

export class ClusterBuilder {
  readonly #observation: Observation;

  constructor(observation: Observation) {
    this.#observation = observation;
  }

  /** Replaces the members by cp-1 to cp-COUNT, all at one version, with an etcd of that size. */
  withMembers(count: number, at = '1.28.15'): ClusterBuilder {
    const members = Array.from({ length: count }, (_, index) => aMember(`cp-${index + 1}`, at));
    return this.with({ members, etcd: anEtcd(count) });
  }

  /** Adds a member, or replaces the one of that name. */
  withMember(member: MemberObservation): ClusterBuilder {
    const others = this.#observation.members.filter(({ name }) => name !== member.name);
    return this.with({ members: [...others, member] });
  }

  /** Adds Ready nodes in turn over the zones a, b and c. */
  withNodes(count: number, at = '1.28.15', options: NodesOptions = {}): ClusterBuilder {
    const { prefix = 'worker', ...overrides } = options;
    const nodes = Array.from({ length: count }, (_, index) =>
      aNode(`${prefix}-${index + 1}`, at, { zone: zones[index % 3] ?? 'a', ...overrides }),
    );
    return this.with({ nodes: [...this.#observation.nodes, ...nodes] });
  }

  /** Adds a node, or replaces the one of that name. */
  withNode(node: NodeObservation): ClusterBuilder {
    const others = this.#observation.nodes.filter(({ name }) => name !== node.name);
    return this.with({ nodes: [...others, node] });
  }

  withBudget(budget: BudgetObservation): ClusterBuilder {
    return this.with({ budgets: [...this.#observation.budgets, budget] });
  }

  /** What the driver says that it can install. */
  withAvailable(...versions: readonly string[]): ClusterBuilder {
    return this.with({ availableVersions: versions.map(version) });
  }

  with(overrides: Partial<Observation>): ClusterBuilder {
    return new ClusterBuilder({ ...this.#observation, ...overrides });
  }

  observation(): Observation {
    return this.#observation;
  }
}

/** Three healthy members at 1.28.15, no nodes yet, leases fresh, snapshot store writable. */
export function aCluster(name = 'lab'): ClusterBuilder {
  const lease = { holder: 'cp-1_4f1c', renewedSecondsAgo: 1, durationSeconds: 15 } as const;
  return new ClusterBuilder({
    schema: 'ascent.observation/v1',
    cluster: clusterName(name),
    observedAt: '2026-11-21T04:00:00Z',
    members: [],
    etcd: anEtcd(),
    leases: [
      { component: 'kube-controller-manager', ...lease },
      { component: 'kube-scheduler', ...lease },
    ],
    nodes: [],
    budgets: [],
    budgetOverlaps: [],
    snapshotStore: {
      kind: 'writable',
      location: '/var/lib/ascent/snapshots',
      freeBytes: 50_000_000_000,
    },
  }).withMembers(3);
}

export const aDrainPolicy: DrainPolicy = {
  timeoutMs: 1_800_000,
  emptyDirData: 'delete',
  unmanagedPods: 'refuse',
};

/** Pool `workers`: every worker, one at a time, in each hop. */
export function aPool(overrides: Partial<PoolSpec> = {}): PoolSpec {
  return {
    name: poolName('workers'),
    nodeSelector: {},
    lane: 'every-hop',
    maxUnavailable: 1,
    drain: aDrainPolicy,
    upgradeTimeoutMs: 600_000,
    nodeSoakMs: 10_000,
    ...overrides,
  };
}

/** Cluster `lab` to 1.30, an approval between the hops, one pool of all workers. */
export function aSpec(overrides: Partial<UpgradeSpec> = {}): UpgradeSpec {
  return {
    apiVersion: 'ascent/v1',
    cluster: clusterName('lab'),
    target: minor('1.30'),
    via: [],
    approvals: 'between-hops',
    hopSoakMs: 30_000,
    controlPlane: { memberTimeoutMs: 300_000, allowSingleMember: false },
    pools: [aPool()],
    ...overrides,
  };
}

/** The plan of a spec over an observation; throws, with the blockers, when there is none. */
export function aPlan(spec: UpgradeSpec, observation: Observation): Plan {
  const result = planUpgrade({ spec, observation, releases: knownReleases });
  if (result.kind === 'planned') return result.plan;
  throw new Error(`blocked: ${JSON.stringify(result.blockers)}`);
}
