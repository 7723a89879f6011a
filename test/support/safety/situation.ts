// What one random upgrade finds: workloads with budgets of every form, what is asked for, and what
// will go wrong. Pure: the same seed makes the same situation.
// S1. Most budgets can be kept; some allow nothing, so that a preflight has to say so.
// S2. No budget guards a namespace that a policy names: what stays on a node by the user's own
//     wish is hurt by the restart of its kubelet.

import type { ClusterName, PoolName } from '../../../domain/names';
import type { DrainPolicy, MaxUnavailable, PoolSpec, UpgradeSpec } from '../../../domain/spec';
import type { KubeVersion } from '../../../domain/versions';
import { terminationAnnotation } from '../../../lab/kwok-config';
import type { Manifest } from '../../../lab/workload-manifests';
import type { Fault } from './faults';
import { randomFaults } from './faults';
import { Random } from '../../../bench/random';

export type WorkloadKind = 'Deployment' | 'StatefulSet' | 'Job' | 'Pod';

export interface Workload {
  readonly kind: WorkloadKind;
  readonly namespace: string;
  readonly name: string;
  readonly replicas: number;
}

export interface BudgetForm {
  readonly minAvailable?: number | string;
  readonly maxUnavailable?: number | string;
  readonly unhealthyPodEvictionPolicy?: 'IfHealthyBudget' | 'AlwaysAllow';
}

export interface GuardedBudget {
  readonly namespace: string;
  readonly name: string;
  /** Label `app` of the pods that it selects; undefined: every pod of the namespace. */
  readonly app: string | undefined;
  readonly form: BudgetForm;
}

export interface Situation {
  readonly namespaces: readonly string[];
  readonly workloads: readonly Workload[];
  readonly budgets: readonly GuardedBudget[];
  readonly manifests: readonly Manifest[];
  readonly spec: UpgradeSpec;
  readonly faults: readonly Fault[];
  /** What a person does at the first node that is held. */
  readonly answer: 'cancel' | 'heal-and-retry';
}

export interface Scene {
  readonly seed: string;
  readonly cluster: string;
  readonly target: string;
  readonly nodes: readonly string[];
  /** Of the nodes, for pools. */
  readonly zones: readonly string[];
}

const secondMs = 1_000;

/** What this seed makes of the scene. */
export function situationOf(scene: Scene): Situation {
  const random = new Random(scene.seed);
  const base = `run-${scene.seed.replaceAll('.', '-')}`;
  const [guarded, whole, free] = [`${base}-a`, `${base}-b`, `${base}-c`] as const;
  const workloads = randomWorkloads(random, guarded);
  const wholly = randomDeployment(random, whole, 'everything', 4);
  const bystander = randomDeployment(random, free, 'bystander', 3);
  const budgets = [
    ...workloads.flatMap((workload) => randomBudget(random, workload)),
    { namespace: whole, name: 'whole', app: undefined, form: form(random, wholly.replicas) },
    { namespace: free, name: 'nobody', app: 'nobody', form: { maxUnavailable: 0 } },
  ];
  const all = [...workloads, wholly, bystander];
  return {
    namespaces: [guarded, whole, free],
    workloads: all,
    budgets,
    manifests: [
      ...budgets.filter(({ app }) => app !== 'nobody').map(budgetManifest),
      ...all.map((workload) => workloadManifest(random, workload)),
      daemonSet(free),
    ],
    spec: randomSpec(random, scene, free),
    faults: randomFaults(random, { workloads: all, budgets, nodes: scene.nodes }),
    answer: random.pick(['cancel', 'heal-and-retry']),
  };
}

function randomDeployment(random: Random, namespace: string, name: string, most: number): Workload {
  return { kind: 'Deployment', namespace, name, replicas: random.int(2, most) };
}

function randomWorkloads(random: Random, namespace: string): readonly Workload[] {
  const count = random.int(3, 5);
  return Array.from({ length: count }, (_, index) => {
    const drawn = random.unit();
    const name = `w${index + 1}`;
    if (drawn < 0.6) return randomDeployment(random, namespace, name, 8);
    if (drawn < 0.8)
      return { ...randomDeployment(random, namespace, name, 5), kind: 'StatefulSet' };
    if (drawn < 0.95) return { ...randomDeployment(random, namespace, name, 3), kind: 'Job' };
    return { kind: 'Pod', namespace, name, replicas: 1 };
  });
}

function randomBudget(random: Random, workload: Workload): readonly GuardedBudget[] {
  const { kind, namespace, name, replicas } = workload;
  // Only what has a scale can be reckoned with; a lone pod can never leave.
  if (kind === 'Job' || kind === 'Pod' || random.chance(0.15)) return [];
  return [{ namespace, name, app: name, form: form(random, replicas) }];
}

/** S1. */
function form(random: Random, replicas: number): BudgetForm {
  const policy = random.pick([undefined, 'IfHealthyBudget', 'AlwaysAllow'] as const);
  const more = policy === undefined ? {} : { unhealthyPodEvictionPolicy: policy };
  if (random.chance(0.01)) return { maxUnavailable: 0, ...more };
  switch (random.int(1, 4)) {
    case 1:
      return { maxUnavailable: random.int(1, Math.max(1, replicas - 1)), ...more };
    case 2:
      return { maxUnavailable: random.pick(['10%', '25%', '34%', '50%']), ...more };
    case 3:
      return { minAvailable: random.int(1, Math.max(1, replicas - 1)), ...more };
    default:
      return { minAvailable: replicas < 4 ? '50%' : random.pick(['30%', '50%', '75%']), ...more };
  }
}

export function budgetPath({ namespace, name }: Pick<GuardedBudget, 'namespace' | 'name'>): string {
  return `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${name}`;
}

export function budgetManifest(budget: GuardedBudget): Manifest {
  const { namespace, name, app, form: rule } = budget;
  const selector = app === undefined ? {} : { matchLabels: { app } };
  return {
    path: budgetPath(budget),
    object: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace, name },
      spec: { ...rule, selector },
    },
  };
}

function workloadManifest(random: Random, workload: Workload): Manifest {
  const { kind, namespace, name, replicas } = workload;
  const template = podTemplate(random, workload);
  const metadata = { namespace, name, labels: { app: name } };
  const selector = { matchLabels: { app: name } };
  if (kind === 'Pod') {
    return {
      path: `/api/v1/namespaces/${namespace}/pods/${name}`,
      object: {
        apiVersion: 'v1',
        kind,
        ...template,
        metadata: { ...template.metadata, ...metadata },
      },
    };
  }
  if (kind === 'Job') {
    const spec = { completions: replicas, parallelism: replicas, backoffLimit: 100 };
    const withPolicy = { ...template, spec: { ...template.spec, restartPolicy: 'Never' } };
    return {
      path: `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`,
      object: { apiVersion: 'batch/v1', kind, metadata, spec: { ...spec, template: withPolicy } },
    };
  }
  const stateful = { serviceName: name, podManagementPolicy: 'Parallel' };
  const spec = { replicas, selector, template, ...(kind === 'StatefulSet' ? stateful : {}) };
  return {
    path: scalePath(workload),
    object: { apiVersion: 'apps/v1', kind, metadata, spec },
  };
}

/** Of a Deployment or StatefulSet. */
export function scalePath({ kind, namespace, name }: Workload): string {
  return `/apis/apps/v1/namespaces/${namespace}/${kind.toLowerCase()}s/${name}`;
}

function podTemplate(random: Random, { name, kind, replicas }: Workload) {
  const apart = {
    podAntiAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: [
        { labelSelector: { matchLabels: { app: name } }, topologyKey: 'kubernetes.io/hostname' },
      ],
    },
  };
  const isApart = kind !== 'Job' && replicas <= 4 && random.chance(0.25);
  const seconds = random.pick(['0.3s', '1s', '1s', '2s']);
  return {
    metadata: { labels: { app: name }, annotations: { [terminationAnnotation]: seconds } },
    spec: {
      terminationGracePeriodSeconds: 10,
      containers: [{ name: 'main', image: `${name}:1.0` }],
      ...(isApart ? { affinity: apart } : {}),
      ...(random.chance(0.2) ? { volumes: [{ name: 'scratch', emptyDir: {} }] } : {}),
      ...(random.chance(0.1) ? { priorityClassName: 'system-cluster-critical' } : {}),
    },
  };
}

function daemonSet(namespace: string): Manifest {
  const labels = { app: 'agent' };
  const containers = [{ name: 'main', image: 'agent:1.0' }];
  return {
    path: `/apis/apps/v1/namespaces/${namespace}/daemonsets/agent`,
    object: {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { namespace, name: 'agent' },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers } },
      },
    },
  };
}

function randomSpec(random: Random, scene: Scene, free: string): UpgradeSpec {
  const zone = random.pick(scene.zones);
  const first = { name: 'first', nodeSelector: { 'topology.kubernetes.io/zone': zone } };
  const rest = { name: 'rest', nodeSelector: {} };
  const pools = scene.zones.length > 1 && random.chance(0.3) ? [first, rest] : [rest];
  return {
    apiVersion: 'ascent/v1',
    cluster: scene.cluster as ClusterName,
    target: scene.target as KubeVersion,
    via: [],
    approvals: 'none',
    hopSoakMs: 0,
    controlPlane: { memberTimeoutMs: 120 * secondMs, allowSingleMember: true },
    pools: pools.map((pool) => randomPool(random, pool, free)),
  };
}

const limits = [1, 2, 2, 3, '34%', '50%'] as const satisfies readonly MaxUnavailable[];

function randomPool(
  random: Random,
  { name, nodeSelector }: { readonly name: string } & Pick<PoolSpec, 'nodeSelector'>,
  free: string,
): PoolSpec {
  return {
    name: name as PoolName,
    nodeSelector,
    lane: random.pick(['every-hop', 'fewest-drains']),
    maxUnavailable: random.pick(limits),
    ...(random.chance(0.5) ? { zones: 'any' } : {}),
    ...(random.chance(0.2) ? { orderLabel: 'kubernetes.io/hostname' } : {}),
    drain: randomPolicy(random, free),
    upgradeTimeoutMs: 60 * secondMs,
    nodeSoakMs: 0,
  };
}

function randomPolicy(random: Random, free: string): DrainPolicy {
  const treatment = random.pick(['skip', 'skip', 'skip', 'wait', 'hold'] as const);
  return {
    timeoutMs: random.int(10, 15) * secondMs,
    ...(random.chance(0.3) ? { gracePeriodSeconds: random.int(1, 5) } : {}),
    emptyDirData: random.chance(0.95) ? 'delete' : 'refuse',
    unmanagedPods: random.chance(0.9) ? 'evict' : 'refuse',
    ...(random.chance(0.3) ? { jobTimeoutMs: random.int(4, 8) * secondMs } : {}),
    ...(random.chance(0.4) ? { ladder: ['surge', 'hold'] } : {}),
    surgeAfterMs: random.int(1, 3) * secondMs,
    ...(random.chance(0.15) ? { namespaces: { [free]: treatment } } : {}),
  };
}
