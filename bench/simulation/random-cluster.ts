// Clusters that a seed makes: nodes of all kinds, workloads that ask the scheduler for all kinds of
// things, budgets that allow more and less, and a window of nodes that is to be drained.
// R1. The same seed makes the same cluster.
// R2. Priorities are for workloads that ask nothing about others: a pod that is to be spread may
//     push away others for ever, each time for the count that the last time has made.
// R3. Several are beside each other on one control plane: all of a cluster's pods select its nodes.

import type { Random } from '../random';

export interface RandomObject {
  /** Of the collection, without a name. */
  readonly path: string;
  readonly object: Readonly<Record<string, unknown>>;
}

export interface RandomCluster {
  readonly namespace: string;
  readonly nodes: readonly Readonly<Record<string, unknown>>[];
  /** In the order in which they are made. */
  readonly objects: readonly RandomObject[];
  readonly window: readonly string[];
}

/** Of namespaces of random clusters. */
export const namespacePrefix = 'sim-';
/** R3. */
const clusterKey = 'cluster';

const zones = ['a', 'b', 'c'];
export const hostnameKey = 'kubernetes.io/hostname';
const zoneKey = 'topology.kubernetes.io/zone';
const gibibyte = 1_073_741_824;

export const priorityClasses = [
  { name: 'sim-high', value: 1_000, preemptionPolicy: 'PreemptLowerPriority' },
  { name: 'sim-patient', value: 500, preemptionPolicy: 'Never' },
  { name: 'sim-low', value: -10, preemptionPolicy: 'PreemptLowerPriority' },
];

export function randomCluster(seed: string, random: Random): RandomCluster {
  const namespace = `${namespacePrefix}${seed}`;
  const names = Array.from({ length: random.int(4, 9) }, (_, index) => `${seed}-n${index}`);
  const nodes = names.map((name) => nodeOf(name, namespace, random));
  const apps = Array.from({ length: random.int(4, 9) }, (_, index) => `app-${index}`);
  const objects = [
    ...apps.flatMap((name) => workload({ namespace, name, apps }, random)),
    ...(random.chance(0.5) ? database(namespace, seed, random) : []),
    ...(random.chance(0.3) ? [barePod(namespace, random)] : []),
    ...(random.chance(0.5) ? [agent(namespace)] : []),
  ];
  const window = random.some(names, random.chance(0.6) ? 1 : random.int(2, 3));
  return { namespace, nodes, objects, window };
}

function nodeOf(name: string, cluster: string, random: Random): Readonly<Record<string, unknown>> {
  const cores = random.pick([2, 4, 4, 8]);
  const gpus = random.chance(0.2) ? { 'example.com/gpu': String(random.int(1, 2)) } : {};
  const resources = {
    cpu: String(cores),
    memory: `${cores * random.pick([2, 4])}Gi`,
    pods: String(random.chance(0.15) ? random.int(4, 8) : 30),
    'ephemeral-storage': '20Gi',
    ...gpus,
  };
  const condition = (type: string, status: string) => ({
    type,
    status,
    lastHeartbeatTime: new Date().toISOString(),
    lastTransitionTime: new Date().toISOString(),
    reason: 'Simulated',
    message: 'a node of a random cluster',
  });
  const healthy = ['MemoryPressure', 'DiskPressure', 'PIDPressure'];
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: {
        [hostnameKey]: name,
        [clusterKey]: cluster,
        'kubernetes.io/os': 'linux',
        'beta.kubernetes.io/os': 'linux',
        'kubernetes.io/arch': 'amd64',
        'beta.kubernetes.io/arch': 'amd64',
        ...(random.chance(0.93) ? { [zoneKey]: random.pick(zones) } : {}),
        disk: random.pick(['ssd', 'ssd', 'hdd']),
        cores: String(cores),
      },
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
    },
    spec: { providerID: `kwok://${name}`, taints: taintsOf(random) },
    status: {
      capacity: resources,
      allocatable: resources,
      conditions: [condition('Ready', 'True'), ...healthy.map((type) => condition(type, 'False'))],
      nodeInfo: {
        kubeletVersion: 'v1.30.14',
        kubeProxyVersion: 'v1.30.14',
        machineID: name,
        systemUUID: name,
        bootID: name,
        kernelVersion: '6.1',
        osImage: 'simulated',
        containerRuntimeVersion: 'kwok://1',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
    },
  };
}

function taintsOf(random: Random): readonly object[] {
  if (random.chance(0.15)) return [{ key: 'dedicated', value: 'batch', effect: 'NoSchedule' }];
  return random.chance(0.15) ? [{ key: 'old', value: 'yes', effect: 'PreferNoSchedule' }] : [];
}

interface Workload {
  readonly namespace: string;
  readonly name: string;
  readonly apps: readonly string[];
}

function workload(of: Workload, random: Random): readonly RandomObject[] {
  const { namespace, name } = of;
  const labels = { app: name, ring: random.pick(['one', 'two']) };
  const replicas = random.int(1, 6);
  const asked = rules(of, random);
  // R2.
  const isFree = !('topologySpreadConstraints' in asked || 'affinity' in asked);
  const priority =
    isFree && random.chance(0.25) ? { priorityClassName: random.pick(priorityClasses).name } : {};
  const deployment = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels },
        spec: { ...podSpec(namespace, random), ...asked, ...priority },
      },
    },
  };
  return [
    ...budgets(of, replicas, random),
    { path: `/apis/apps/v1/namespaces/${namespace}/deployments`, object: deployment },
  ];
}

function podSpec(cluster: string, random: Random): Readonly<Record<string, unknown>> {
  const container = (name: string, share = 1): object => {
    const asked = random.chance(0.1)
      ? {}
      : {
          cpu: `${Math.ceil(random.pick([100, 250, 500, 900, 1_500]) * share)}m`,
          memory: String(Math.ceil(random.pick([0.1, 0.25, 0.5, 1, 2]) * gibibyte * share)),
        };
    const more = {
      ...(random.chance(0.1) ? { 'ephemeral-storage': `${random.int(1, 6)}Gi` } : {}),
      ...(random.chance(0.07) ? { 'example.com/gpu': '1' } : {}),
    };
    const limits = 'example.com/gpu' in more ? { 'example.com/gpu': '1' } : {};
    const ports = random.chance(0.08)
      ? [{ containerPort: 8_080, hostPort: random.pick([8_080, 9_090]) }]
      : [];
    const resources = { requests: { ...asked, ...more }, limits };
    return { name, image: `${name}:1`, resources, ports };
  };
  const small = (name: string, policy: object = {}) => ({
    name,
    image: `${name}:1`,
    resources: { requests: { cpu: `${random.int(1, 8) * 100}m`, memory: '128Mi' } },
    ...policy,
  });
  const starting = [
    ...(random.chance(0.15) ? [small('sidecar', { restartPolicy: 'Always' })] : []),
    ...(random.chance(0.15) ? [small('prepare')] : []),
  ];
  return {
    terminationGracePeriodSeconds: 1,
    nodeSelector: { [clusterKey]: cluster },
    containers: [
      container('main', random.chance(0.2) ? 0.5 : 1),
      ...(random.chance(0.2) ? [container('helper', 0.2)] : []),
    ],
    ...(starting.length === 0 ? {} : { initContainers: starting }),
    ...(random.chance(0.1) ? { runtimeClassName: 'sim-heavy' } : {}),
  };
}

/** What a workload asks of its nodes and neighbours. */
function rules(
  { namespace, name, apps }: Workload,
  random: Random,
): Readonly<Record<string, unknown>> {
  const tolerations = random.chance(0.25)
    ? [{ key: 'dedicated', operator: random.pick(['Exists', 'Equal']), value: 'batch' }]
    : [];
  const fit = tolerations.map((one) =>
    one.operator === 'Exists' ? { key: one.key, operator: 'Exists' } : one,
  );
  return {
    tolerations: fit,
    ...(random.chance(0.2)
      ? { nodeSelector: { [clusterKey]: namespace, disk: random.pick(['ssd', 'hdd']) } }
      : {}),
    ...(random.chance(0.25) ? { topologySpreadConstraints: [spread(name, random)] } : {}),
    ...affinities(name, apps, random),
  };
}

function spread(name: string, random: Random): object {
  const topologyKey = random.pick([zoneKey, hostnameKey]);
  const isHard = random.chance(0.8);
  return {
    topologyKey,
    maxSkew: random.int(1, 2),
    whenUnsatisfiable: isHard ? 'DoNotSchedule' : 'ScheduleAnyway',
    labelSelector: { matchLabels: { app: name } },
    ...(isHard && random.chance(0.2) ? { minDomains: random.int(2, 3) } : {}),
    ...(random.chance(0.4) ? { nodeTaintsPolicy: 'Honor' } : {}),
    ...(random.chance(0.2) ? { nodeAffinityPolicy: 'Ignore' } : {}),
    ...(random.chance(0.3) ? { matchLabelKeys: ['pod-template-hash'] } : {}),
  };
}

function affinities(name: string, apps: readonly string[], random: Random): object {
  const required = 'requiredDuringSchedulingIgnoredDuringExecution';
  const term = (app: string) => ({
    topologyKey: random.pick([zoneKey, hostnameKey]),
    labelSelector: { matchLabels: { app } },
  });
  const nodeAffinity = random.pick([
    [{ key: 'disk', operator: 'NotIn', values: ['hdd'] }],
    [{ key: zoneKey, operator: 'In', values: random.some(zones, 2) }],
    [{ key: 'cores', operator: 'Gt', values: ['2'] }],
    [{ key: zoneKey, operator: 'Exists' }],
  ]);
  const affinity = {
    ...(random.chance(0.2)
      ? {
          nodeAffinity: { [required]: { nodeSelectorTerms: [{ matchExpressions: nodeAffinity }] } },
        }
      : {}),
    ...(random.chance(0.12) ? { podAffinity: { [required]: [term(random.pick(apps))] } } : {}),
    ...(random.chance(0.22)
      ? { podAntiAffinity: { [required]: [term(random.chance(0.7) ? name : random.pick(apps))] } }
      : {}),
  };
  return Object.keys(affinity).length === 0 ? {} : { affinity };
}

function budgets({ namespace, name }: Workload, replicas: number, random: Random) {
  const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets`;
  const budget = (as: string, rule: object): RandomObject => ({
    path,
    object: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace, name: as },
      spec: { ...rule, selector: { matchLabels: { app: name } } },
    },
  });
  if (!random.chance(0.55)) return [];
  const rule = random.pick([
    { maxUnavailable: 1 },
    { maxUnavailable: 1 },
    { maxUnavailable: '50%' },
    { minAvailable: Math.max(1, replicas - 1) },
    { minAvailable: '50%' },
    { maxUnavailable: 0 },
    { minAvailable: '100%' },
  ]);
  const policy = random.chance(0.3) ? { unhealthyPodEvictionPolicy: 'AlwaysAllow' } : {};
  const more = random.chance(0.08) ? [budget(`${name}-too`, { maxUnavailable: 1 })] : [];
  return [budget(name, { ...rule, ...policy }), ...more];
}

/** A StatefulSet on volumes that are bound to a zone. */
function database(namespace: string, seed: string, random: Random): readonly RandomObject[] {
  const replicas = random.int(1, 3);
  const volumes = Array.from({ length: replicas }, (_, index): RandomObject => {
    const zone = random.pick(zones);
    const expression = { key: zoneKey, operator: 'In', values: [zone] };
    return {
      path: '/api/v1/persistentvolumes',
      object: {
        apiVersion: 'v1',
        kind: 'PersistentVolume',
        metadata: { name: `${seed}-${index}` },
        spec: {
          capacity: { storage: '1Gi' },
          accessModes: ['ReadWriteOnce'],
          persistentVolumeReclaimPolicy: 'Retain',
          storageClassName: 'by-hand',
          claimRef: { namespace, name: `data-db-${index}` },
          csi: { driver: 'sim.example.com', volumeHandle: `${seed}-${index}` },
          nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [expression] }] } },
        },
      },
    };
  });
  const spec = {
    ...podSpec(namespace, random),
    containers: [
      {
        name: 'db',
        image: 'db:1',
        resources: { requests: { cpu: `${random.int(1, 8) * 100}m`, memory: '256Mi' } },
        volumeMounts: [{ name: 'data', mountPath: '/data' }],
      },
    ],
  };
  const object = {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { namespace, name: 'db' },
    spec: {
      replicas,
      serviceName: 'db',
      podManagementPolicy: 'Parallel',
      selector: { matchLabels: { app: 'db' } },
      template: { metadata: { labels: { app: 'db' } }, spec },
      volumeClaimTemplates: [
        {
          metadata: { name: 'data' },
          spec: {
            storageClassName: 'by-hand',
            accessModes: ['ReadWriteOnce'],
            resources: { requests: { storage: '1Gi' } },
          },
        },
      ],
    },
  };
  return [...volumes, { path: `/apis/apps/v1/namespaces/${namespace}/statefulsets`, object }];
}

function barePod(namespace: string, random: Random): RandomObject {
  const spec = podSpec(namespace, random);
  const metadata = { namespace, name: 'bare', labels: { app: 'bare' } };
  return {
    path: `/api/v1/namespaces/${namespace}/pods`,
    object: { apiVersion: 'v1', kind: 'Pod', metadata, spec },
  };
}

/** A DaemonSet, as most clusters have some. */
function agent(namespace: string): RandomObject {
  const resources = { requests: { cpu: '50m', memory: '64Mi' } };
  const spec = {
    terminationGracePeriodSeconds: 1,
    nodeSelector: { [clusterKey]: namespace },
    tolerations: [{ operator: 'Exists' }],
    containers: [{ name: 'agent', image: 'agent:1', resources }],
  };
  return {
    path: `/apis/apps/v1/namespaces/${namespace}/daemonsets`,
    object: {
      apiVersion: 'apps/v1',
      kind: 'DaemonSet',
      metadata: { namespace, name: 'agent' },
      spec: {
        selector: { matchLabels: { app: 'agent' } },
        template: { metadata: { labels: { app: 'agent' } }, spec },
      },
    },
  };
}
