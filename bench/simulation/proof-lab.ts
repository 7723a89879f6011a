// One control plane for many random clusters: makes some of them beside each other, drains their
// windows through the Eviction API, and tells what the real scheduler and the real disruption
// controller made of it.
// L1. Nothing is timed: what is waited for is a level. The scheduler has given its verdict when no
//     pod is in its active or its backoff queue (its own metric), each pod has a node or the
//     condition that says it has none, and two looks in a row are the same.
// L2. What clusters leave behind is gone before the next ones are made.

import type { Lab } from '../../lab/lab';
import { schedulerUrl } from '../../lab/flags';
import { readLabFile } from '../../lab/lab-file';
import { labLayout } from '../../lab/layout';
import { KubeRest } from '../../lab/kube-rest';
import { eventually } from '../../lab/waiting';
import { forEachAtOnce } from '../../activities/at-once';
import { namespacePrefix, priorityClasses, type RandomCluster } from './random-cluster';

export interface ProofPod {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly uid: string;
    readonly resourceVersion: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string; readonly name: string }[];
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

interface Budget {
  readonly metadata: { readonly namespace: string; readonly generation: number };
  readonly spec: { readonly selector: { readonly matchLabels: { readonly app: string } } };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed: number;
    readonly currentHealthy: number;
    readonly desiredHealthy: number;
    readonly disruptedPods?: object;
  };
}

interface Owner {
  readonly metadata: { readonly namespace: string; readonly generation: number };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly replicas?: number;
    readonly currentNumberScheduled?: number;
    readonly desiredNumberScheduled?: number;
  };
}

interface ProofNode {
  readonly metadata: { readonly name: string };
  readonly spec: { readonly taints?: readonly { readonly key: string }[] };
}

const atOnce = 8;
const settleMs = 120_000;
const waiting = { timeoutMs: settleMs, everyMs: 100 };

export class ProofLab {
  readonly #kube: KubeRest;
  readonly #scheduler: KubeRest;

  private constructor(kube: KubeRest, scheduler: KubeRest) {
    this.#kube = kube;
    this.#scheduler = scheduler;
  }

  static async open(lab: Lab): Promise<ProofLab> {
    const layout = labLayout(lab.stateDir);
    const [member] = (await readLabFile(layout.labFile))?.members ?? [];
    if (member === undefined) throw new Error('the lab has no member');
    const kube = await KubeRest.admin(layout, lab.apiUrl);
    const proof = new ProofLab(kube, await KubeRest.admin(layout, schedulerUrl(member)));
    await proof.#prepare(lab.nodes);
    return proof;
  }

  close(): void {
    this.#kube.close();
    this.#scheduler.close();
  }

  /** The lab's own nodes take nothing: they are not of the random clusters. */
  async #prepare(nodes: readonly string[]): Promise<void> {
    const taint = { key: 'lab', value: 'own', effect: 'NoSchedule' };
    for (const name of nodes) {
      await this.#patch(`/api/v1/nodes/${name}`, { spec: { taints: [taint] } });
    }
    for (const { name, ...more } of priorityClasses) {
      await this.#kube.apply(`/apis/scheduling.k8s.io/v1/priorityclasses/${name}`, {
        apiVersion: 'scheduling.k8s.io/v1',
        kind: 'PriorityClass',
        metadata: { name },
        ...more,
      });
    }
    await this.#kube.apply('/apis/node.k8s.io/v1/runtimeclasses/sim-heavy', {
      apiVersion: 'node.k8s.io/v1',
      kind: 'RuntimeClass',
      metadata: { name: 'sim-heavy' },
      handler: 'heavy',
      overhead: { podFixed: { cpu: '150m', memory: '64Mi' } },
    });
  }

  /** Returns when every pod of them has its verdict. */
  async make(clusters: readonly RandomCluster[]): Promise<void> {
    for (const { namespace: name } of clusters) {
      const object = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
      await this.#kube.apply(`/api/v1/namespaces/${name}`, object);
    }
    const nodes = clusters.flatMap((one) => one.nodes);
    await forEachAtOnce(nodes, atOnce, async (body) => {
      await this.#kube.must({ method: 'POST', path: '/api/v1/nodes', body });
    });
    await this.#eventually('the nodes are open', async () =>
      (await this.#nodes()).every((node) => !hasTaint(node, 'node.kubernetes.io/not-ready')),
    );
    await this.#eventually('the namespaces have accounts', async () => {
      const accounts = await this.#list<{ metadata: { namespace: string } }>(
        '/api/v1/serviceaccounts?fieldSelector=metadata.name%3Ddefault',
      );
      const there = new Set(accounts.map(({ metadata }) => metadata.namespace));
      return clusters.every(({ namespace }) => there.has(namespace));
    });
    const objects = clusters.flatMap((one) => one.objects);
    for (const { path, object } of objects) {
      await this.#kube.must({ method: 'POST', path, body: object });
    }
    await this.settle();
  }

  /** Cordons the windows and evicts what is on them, as long as anything may leave. */
  async drain(clusters: readonly RandomCluster[]): Promise<void> {
    const window = new Set(clusters.flatMap((one) => one.window));
    for (const name of window) {
      await this.#patch(`/api/v1/nodes/${name}`, { spec: { unschedulable: true } });
    }
    await this.#eventually('the windows are cordoned', async () => {
      const cordoned = (await this.#nodes()).filter(({ metadata }) => window.has(metadata.name));
      return cordoned.every((node) => hasTaint(node, 'node.kubernetes.io/unschedulable'));
    });
    for (let gone = 1; gone > 0; await this.settle()) {
      const answers = await Promise.all(
        leavingOf(await this.pods(), window).map((pod) => this.#evict(pod)),
      );
      gone = answers.filter((isGone) => isGone).length;
    }
  }

  /** Of all random clusters. */
  async pods(): Promise<readonly ProofPod[]> {
    const pods = await this.#list<ProofPod>('/api/v1/pods');
    return pods.filter(({ metadata }) => metadata.namespace.startsWith(namespacePrefix));
  }

  /** L2. */
  async clear(clusters: readonly RandomCluster[]): Promise<void> {
    const policy = { propagationPolicy: 'Background' };
    const namespaces = clusters.map(({ namespace }) => namespace);
    for (const namespace of namespaces) {
      for (const kind of ['deployments', 'statefulsets', 'daemonsets']) {
        await this.#delete(`/apis/apps/v1/namespaces/${namespace}/${kind}`, policy);
      }
    }
    await this.#eventually('the pods are gone', async () => {
      for (const namespace of namespaces) {
        await this.#delete(`/api/v1/namespaces/${namespace}/pods`, { gracePeriodSeconds: 0 });
      }
      return (await this.pods()).length === 0;
    });
    const made = clusters.flatMap(({ objects }) => objects);
    const volumes = made.filter(({ path }) => path.endsWith('/persistentvolumes'));
    for (const path of [
      ...namespaces.map((namespace) => `/api/v1/namespaces/${namespace}`),
      ...volumes.map(({ path: at, object }) => `${at}/${nameOf(object)}`),
      ...clusters.flatMap(({ nodes }) => nodes.map((node) => `/api/v1/nodes/${nameOf(node)}`)),
    ]) {
      await this.#delete(path, {});
    }
  }

  /** L1. */
  async settle(): Promise<void> {
    let before = '';
    let why = '';
    try {
      await this.#eventually('every pod has its verdict', async () => {
        const state = await this.#settled();
        why = state.why;
        const isSame = state.versions === before;
        before = state.versions;
        return why === '' && isSame;
      });
    } catch (error) {
      throw new Error(`${String(error)}: ${why}`, { cause: error });
    }
  }

  async #settled() {
    const owners = await Promise.all(
      ['deployments', 'replicasets', 'statefulsets', 'daemonsets'].map((kind) =>
        this.#list<Owner>(`/apis/apps/v1/${kind}`),
      ),
    );
    const budgets = await this.#list<Budget>('/apis/policy/v1/poddisruptionbudgets');
    const random = budgets.filter(isOfRandom);
    const alone = random.filter((budget) => isAlone(budget, random));
    const pods = await this.pods();
    const versions = pods.map(({ metadata }) => `${metadata.uid} ${metadata.resourceVersion}`);
    return {
      versions: versions.toSorted().join(),
      why:
        whyOpen(owners.flat().filter(isOfRandom).every(isComplete), 'an owner lacks pods') ||
        whyOpen(pods.every(hasVerdict), 'a pod has no verdict') ||
        whyOpen(
          alone.every((budget) => isCounted(budget, pods)),
          'a budget is behind',
        ) ||
        (await this.#busyQueues()),
    };
  }

  /** Empty when it is quiet. */
  async #busyQueues(): Promise<string> {
    const { body } = await this.#scheduler.must({ method: 'GET', path: '/metrics' });
    const queues = [...String(body).matchAll(/^scheduler_pending_pods\{queue="(\w+)"\} (\d+)/gm)];
    const busy = queues.filter(
      ([, queue, pods]) => (queue === 'active' || queue === 'backoff') && Number(pods) > 0,
    );
    return busy.map(([, queue, pods]) => `${queue}: ${pods}`).join(', ');
  }

  async #evict({ metadata: { namespace, name } }: ProofPod): Promise<boolean> {
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { namespace, name } };
    const { status } = await this.#kube.ask({ method: 'POST', path, body });
    return status < 300;
  }

  #nodes(): Promise<readonly ProofNode[]> {
    return this.#list<ProofNode>('/api/v1/nodes');
  }

  async #list<Item>(path: string): Promise<readonly Item[]> {
    const { body } = await this.#kube.must({ method: 'GET', path });
    return (body as { readonly items: readonly Item[] }).items;
  }

  async #patch(path: string, body: object): Promise<void> {
    const contentType = 'application/merge-patch+json';
    await this.#kube.must({ method: 'PATCH', path, body, contentType });
  }

  async #delete(path: string, body: object): Promise<void> {
    await this.#kube.must({ method: 'DELETE', path, body }, [404]);
  }

  async #eventually(what: string, holds: () => Promise<boolean>): Promise<void> {
    if (!(await eventually(holds, waiting))) throw new Error(`not seen: ${what}`);
  }
}

function hasTaint({ spec }: ProofNode, key: string): boolean {
  return spec.taints?.some((taint) => taint.key === key) === true;
}

function isOfRandom({ metadata }: Budget | Owner): boolean {
  return metadata.namespace.startsWith(namespacePrefix);
}

/** Pods of the nodes that a drain moves. */
export function leavingOf(
  pods: readonly ProofPod[],
  window: ReadonlySet<string>,
): readonly ProofPod[] {
  return pods.filter(
    ({ metadata, spec }) =>
      window.has(spec.nodeName ?? '') && metadata.ownerReferences?.[0]?.kind !== 'DaemonSet',
  );
}

function nameOf(object: Readonly<Record<string, unknown>>): string {
  return (object['metadata'] as { readonly name: string }).name;
}

function whyOpen(holds: boolean, why: string): string {
  return holds ? '' : why;
}

function isComplete({ metadata, spec, status }: Owner): boolean {
  const wanted = spec.replicas ?? status?.desiredNumberScheduled;
  const there = status?.replicas ?? status?.currentNumberScheduled ?? 0;
  return status?.observedGeneration === metadata.generation && there === wanted;
}

/** Why the scheduler has found no node for the pod; undefined when it has, or has not looked. */
export function unschedulable({ spec, status }: ProofPod): string | undefined {
  if (spec.nodeName !== undefined) return undefined;
  const told = status?.conditions?.find(({ type }) => type === 'PodScheduled');
  return told?.reason === 'Unschedulable' ? (told.message ?? '') : undefined;
}

export function isReady({ status }: ProofPod): boolean {
  return status?.conditions?.some((one) => one.type === 'Ready' && one.status === 'True') === true;
}

function hasVerdict(pod: ProofPod): boolean {
  if (pod.metadata.deletionTimestamp !== undefined) return false;
  return isReady(pod) || unschedulable(pod) !== undefined;
}

/** Of pods that two budgets select, the disruption controller keeps one up to date only. */
function isAlone({ metadata, spec }: Budget, budgets: readonly Budget[]): boolean {
  const like = budgets.filter(
    (one) =>
      one.metadata.namespace === metadata.namespace &&
      one.spec.selector.matchLabels.app === spec.selector.matchLabels.app,
  );
  return like.length === 1;
}

function isCounted({ metadata, spec, status }: Budget, pods: readonly ProofPod[]): boolean {
  const { app } = spec.selector.matchLabels;
  const healthy = pods.filter(
    (pod) =>
      pod.metadata.namespace === metadata.namespace &&
      pod.metadata.labels?.['app'] === app &&
      isReady(pod),
  );
  const { observedGeneration, currentHealthy = 0, disruptedPods = {} } = status ?? {};
  const { disruptionsAllowed = 0, desiredHealthy = 0 } = status ?? {};
  return (
    observedGeneration === metadata.generation &&
    currentHealthy === healthy.length &&
    disruptionsAllowed === Math.max(0, currentHealthy - desiredHealthy) &&
    Object.keys(disruptedPods).length === 0
  );
}
