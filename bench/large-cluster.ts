// A cluster of 5,000 nodes and 150,000 pods as its API objects, and the ports that tell them: what
// planning costs in memory and time must not depend on a machine that could run such a cluster.

import type { V1Node, V1Pod, V1PodDisruptionBudget } from '@kubernetes/client-node';

import { budgetView, nodeView, podView } from '../activities/adapters/kube-views';
import type { BudgetView, LookingPorts, NodeView, PodView } from '../activities/ports';
import type { MemberName } from '../domain/names';
import type { KubeVersion } from '../domain/versions';

export const largeCluster = { nodes: 5_000, pods: 150_000, deployments: 3_000 } as const;

const from = '1.28.15' as KubeVersion;
const zones = ['a', 'b', 'c'] as const;

/** As JSON that came over the wire: every text is one of its own. */
function received<Item>(item: object): Item {
  return JSON.parse(JSON.stringify(item)) as Item;
}

export function nodes(): readonly NodeView[] {
  return nodesAs(nodeView);
}

export function pods(): readonly PodView[] {
  return podsAs(podView);
}

export function budgets(): readonly BudgetView[] {
  return budgetsAs(budgetView);
}

/** Each object is seen once, and not kept. */
export function nodesAs<View>(view: (node: V1Node) => View): readonly View[] {
  return Array.from({ length: largeCluster.nodes }, (_, index) =>
    view(
      received<V1Node>({
        metadata: {
          name: `worker-${index}`,
          labels: {
            'kubernetes.io/hostname': `worker-${index}`,
            'topology.kubernetes.io/zone': zones[index % zones.length],
          },
        },
        status: {
          conditions: [{ type: 'Ready', status: 'True' }],
          nodeInfo: { kubeletVersion: `v${from}` },
          allocatable: { cpu: '15890m', memory: '63467Mi', pods: '110' },
        },
      }),
    ),
  );
}

export function podsAs<View>(view: (pod: V1Pod) => View): readonly View[] {
  return Array.from({ length: largeCluster.pods }, (_, index) => {
    const app = `app-${index % largeCluster.deployments}`;
    const hash = `7f9c${index % largeCluster.deployments}`;
    return view(
      received<V1Pod>({
        metadata: {
          namespace: namespaceOf(index % largeCluster.deployments),
          name: `${app}-${hash}-${index}`,
          uid: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
          labels: { app, 'pod-template-hash': hash, 'app.kubernetes.io/part-of': 'shop' },
          ownerReferences: [
            { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: `${app}-${hash}`, controller: true },
          ],
        },
        spec: {
          nodeName: `worker-${index % largeCluster.nodes}`,
          volumes: volumesOf(index),
          priority: 0,
          containers: [{ name: 'app', resources: requestsOf(index % largeCluster.deployments) }],
          nodeSelector: { 'kubernetes.io/os': 'linux' },
          tolerations: defaultTolerations,
        },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      }),
    );
  });
}

/** Admission puts them on every pod (DefaultTolerationSeconds). */
const defaultTolerations = ['not-ready', 'unreachable'].map((why) => ({
  key: `node.kubernetes.io/${why}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
}));

/** One pod of ten keeps data. */
function volumesOf(index: number): readonly object[] {
  return index % 10 === 0
    ? [{ name: 'data', persistentVolumeClaim: { claimName: `data-${index}` } }]
    : [];
}

/** A few dozen sizes. */
function requestsOf(deployment: number): object {
  const cpu = `${50 * (1 + (deployment % 8))}m`;
  return { requests: { cpu, memory: `${64 * (1 + (deployment % 9))}Mi` } };
}

export function budgetsAs<View>(view: (budget: V1PodDisruptionBudget) => View): readonly View[] {
  return Array.from({ length: largeCluster.deployments }, (_, index) =>
    view(
      received<V1PodDisruptionBudget>({
        metadata: { namespace: namespaceOf(index), name: `app-${index}`, generation: 1 },
        spec: { maxUnavailable: '10%', selector: { matchLabels: { app: `app-${index}` } } },
        status: {
          observedGeneration: 1,
          disruptionsAllowed: 5,
          currentHealthy: 50,
          desiredHealthy: 45,
          expectedPods: 50,
        },
      }),
    ),
  );
}

function namespaceOf(deployment: number): string {
  return `team-${deployment % 100}`;
}

/** Everything healthy, in 1.28.15, with three members. */
export function largeClusterPorts(): LookingPorts {
  const controller = { kind: 'observed', version: from, healthy: true } as const;
  const [allNodes, allPods, allBudgets] = [nodes(), pods(), budgets()];
  return {
    kube: {
      listNodes: async () => allNodes,
      listPods: async () => allPods,
      listBudgets: async () => allBudgets,
      listLeaderLeases: async () => [],
      listNamespaces: async () => [...new Set(allPods.map(({ ref }) => ref.namespace))],
      getNode: async (name) => allNodes.find((node) => node.name === name),
      listPodsOnNode: async (name) => allPods.filter(({ node }) => node === name),
      daemonSetExists: async () => true,
    },
    members: {
      members: async () =>
        ['cp-1', 'cp-2', 'cp-3'].map((name) => ({
          name: name as MemberName,
          endpoint: `https://${name}:6443`,
        })),
      apiServer: async () => ({ kind: 'observed', version: from, ready: true, failingChecks: [] }),
      controllerManager: async () => controller,
      scheduler: async () => controller,
      certificates: async () => ({}),
      deprecatedApis: async () => ({ kind: 'observed', items: [] }),
    },
    extensions: {
      observe: async () => ({
        admission: { kind: 'observed', items: [] },
        conversion: { kind: 'observed', items: [] },
        aggregated: { kind: 'observed', items: [] },
      }),
    },
    storedObjects: { observe: async () => ({ uses: [], unlisted: [] }) },
    volumes: { observe: async () => ({ uses: [], unlisted: [] }) },
    components: { observe: async () => ({ options: [], unread: [] }) },
    addons: { observe: async () => ({ workloads: [], unlisted: [] }) },
    simulation: { collect: () => Promise.reject(new Error('a planner simulates nothing')) },
    etcd: {
      observe: async () => ({
        kind: 'unobserved',
        problem: { code: 'unreachable', message: 'a planner needs no etcd' },
      }),
    },
    verifier: { minors: [], etcdVersion: async () => undefined },
    snapshots: {
      location: 'nowhere',
      probe: async () => ({ freeBytes: 0 }),
      keep: undefined,
      keys: async () => [],
      list: async () => [],
    },
    controlPlane: {
      availableVersions: async () => undefined,
      availableEtcdVersions: async () => undefined,
    },
    clock: { nowMs: () => Date.now() },
  };
}
