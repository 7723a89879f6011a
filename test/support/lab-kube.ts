// What the end-to-end tests see and do in the cluster itself, past the engine: through the load
// balancer, as the lab's administrator.
// K1. Everything may be repeated, and is, until the API answers: a member may be changing just now.

import type { KubeRequest } from '../../lab/kube-rest';
import { KubeRest } from '../../lab/kube-rest';
import { jobDurationAnnotation } from '../../lab/kwok-config';
import type { LabLayout } from '../../lab/layout';
import { cordonReasonAnnotation } from '../../activities/cordon-mark';
import { surgeAnnotation } from '../../activities/drain/scale-api';
import { until, untilTrue } from './lab-until';

export interface SeenPod {
  readonly uid: string;
  /** `shop/cart-1`. */
  readonly name: string;
  readonly node: string;
  readonly ownerKind: string;
  readonly phase: string;
  readonly isReady: boolean;
  readonly isLeaving: boolean;
}

export interface SeenNode {
  readonly kubelet: string;
  readonly isReady: boolean;
  readonly isCordoned: boolean;
  /** Of our own cordon. */
  readonly cordonReason: string | undefined;
}

type Conditions = readonly { readonly type: string; readonly status: string }[];

interface PodObject {
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly deletionTimestamp?: string;
    readonly ownerReferences?: readonly { readonly kind: string }[];
  };
  readonly spec: { readonly nodeName?: string };
  readonly status?: { readonly phase?: string; readonly conditions?: Conditions };
}

interface NodeObject {
  readonly metadata: {
    readonly name: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec: { readonly unschedulable?: boolean };
  readonly status: {
    readonly nodeInfo: { readonly kubeletVersion: string };
    readonly conditions: Conditions;
  };
}

interface WorkloadObject {
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly generation: number;
  };
  readonly spec: { readonly replicas?: number };
  readonly status: {
    readonly observedGeneration?: number;
    readonly availableReplicas?: number;
    readonly desiredNumberScheduled?: number;
    readonly numberAvailable?: number;
  };
}

interface BudgetObject {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly disruptionsAllowed: number;
    readonly currentHealthy: number;
  };
}

/** What decides about a number of pods; `surge`: the annotation of a drain that raised it. */
interface SeenScale {
  readonly replicas: number;
  readonly surge: string | undefined;
}

interface ScaledObject {
  readonly metadata: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec: { readonly replicas?: number; readonly minReplicas?: number };
}

interface JobObject {
  readonly status?: { readonly succeeded?: number; readonly failed?: number };
}

interface List<Item> {
  readonly items: readonly Item[];
}

const namespace = 'default';
const deploymentPath = (name: string): string =>
  `/apis/apps/v1/namespaces/${namespace}/deployments/${name}`;
const budgetPath = (name: string): string =>
  `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${name}`;
const jobPath = (name: string): string => `/apis/batch/v1/namespaces/${namespace}/jobs/${name}`;
const autoscalerPath = (name: string): string =>
  `/apis/autoscaling/v2/namespaces/${namespace}/horizontalpodautoscalers/${name}`;
const configMapPath = (name: string): string =>
  `/api/v1/namespaces/${namespace}/configmaps/${name}`;

function isReady(conditions: Conditions | undefined): boolean {
  return conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') === true;
}

function isAvailable({ metadata, spec, status }: WorkloadObject): boolean {
  const wanted = spec.replicas ?? status.desiredNumberScheduled ?? 0;
  const available = status.availableReplicas ?? status.numberAvailable ?? 0;
  return status.observedGeneration === metadata.generation && available >= wanted;
}

function seenPod({ metadata, spec, status }: PodObject): SeenPod {
  return {
    uid: metadata.uid,
    name: `${metadata.namespace}/${metadata.name}`,
    node: spec.nodeName ?? '',
    ownerKind: metadata.ownerReferences?.[0]?.kind ?? '',
    phase: status?.phase ?? 'Unknown',
    isReady: isReady(status?.conditions),
    isLeaving: metadata.deletionTimestamp !== undefined,
  };
}

export class LabKube {
  readonly #rest: KubeRest;

  private constructor(rest: KubeRest) {
    this.#rest = rest;
  }

  static async open(layout: LabLayout, apiUrl: string): Promise<LabKube> {
    return new LabKube(await KubeRest.admin(layout, apiUrl));
  }

  close(): void {
    this.#rest.close();
  }

  async pods(): Promise<readonly SeenPod[]> {
    const { items } = (await this.#insist({
      method: 'GET',
      path: '/api/v1/pods',
    })) as List<PodObject>;
    return items.map(seenPod);
  }

  /** Pods of the node that a drain has to move: all but those of DaemonSets. */
  async movablePods(node: string): Promise<readonly SeenPod[]> {
    const pods = await this.pods();
    return pods.filter((pod) => pod.node === node && pod.ownerKind !== 'DaemonSet');
  }

  /** Every pod that should run is Ready, and none is on its way out. */
  async allPodsReady(): Promise<void> {
    await untilTrue('every pod is Ready', async () => {
      const pods = (await this.pods()).filter(({ phase }) => phase !== 'Succeeded');
      return pods.length > 0 && pods.every((pod) => pod.isReady && !pod.isLeaving);
    });
  }

  /** Every Deployment, StatefulSet and DaemonSet has all the pods that it wants. */
  async allWorkloadsAvailable(): Promise<void> {
    await untilTrue('every workload is available', async () => {
      const lists = await Promise.all(
        ['deployments', 'statefulsets', 'daemonsets'].map(async (kind) => {
          const answer = await this.#insist({ method: 'GET', path: `/apis/apps/v1/${kind}` });
          return (answer as List<WorkloadObject>).items;
        }),
      );
      const workloads = lists.flat();
      return workloads.length > 0 && workloads.every(isAvailable);
    });
  }

  async nodes(): Promise<ReadonlyMap<string, SeenNode>> {
    const answer = await this.#insist({ method: 'GET', path: '/api/v1/nodes' });
    const { items } = answer as List<NodeObject>;
    return new Map(
      items.map(({ metadata, spec, status }) => [
        metadata.name,
        {
          kubelet: status.nodeInfo.kubeletVersion,
          isReady: isReady(status.conditions),
          isCordoned: spec.unschedulable === true,
          cordonReason: metadata.annotations?.[cordonReasonAnnotation],
        },
      ]),
    );
  }

  async node(name: string): Promise<SeenNode> {
    const node = (await this.nodes()).get(name);
    if (node === undefined) throw new Error(`there is no node ${name}`);
    return node;
  }

  /** A Deployment of one pod that runs on this node or nowhere; returns when it runs. */
  async pin(name: string, node: string): Promise<SeenPod> {
    await this.#deploy({ name, replicas: 1, nodeSelector: { 'kubernetes.io/hostname': node } });
    return this.#running(name);
  }

  /** A Deployment without a budget, whose pods run anywhere; returns when they do. */
  async spread(name: string, replicas: number): Promise<void> {
    await this.#deploy({ name, replicas });
    await this.allWorkloadsAvailable();
  }

  /**
   * A Deployment of two pods that run on this node or nowhere, and a budget that wants one of them:
   * a drain gets rid of the first and never of the second, as nothing can take its place.
   */
  async pinPair(name: string, node: string): Promise<void> {
    await this.#deploy({ name, replicas: 2, nodeSelector: { 'kubernetes.io/hostname': node } });
    await this.#budget(name, { minAvailable: 1 });
    await this.allWorkloadsAvailable();
    // Until the disruption controller has counted, a budget allows nothing.
    await untilTrue(`the budget ${name} lets one of two go`, async () => {
      const answer = await this.#insist({ method: 'GET', path: budgetPath(name) });
      const { metadata, status } = answer as BudgetObject;
      return status?.observedGeneration === metadata.generation && status.disruptionsAllowed === 1;
    });
  }

  /**
   * A Job of one pod on this node that works until `finishJob`; returns when it runs. It has no
   * second try: a pod that is evicted makes it fail.
   */
  async work(name: string, node: string): Promise<SeenPod> {
    const annotations = { [jobDurationAnnotation]: '24h' };
    const spec = {
      restartPolicy: 'Never',
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [{ name: 'main', image: `${name}:1.0` }],
    };
    await this.#apply(jobPath(name), {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { namespace, name },
      spec: { backoffLimit: 0, template: { metadata: { annotations }, spec } },
    });
    return this.#running(name);
  }

  /** The work is done: the pod ends as a kubelet would tell it. */
  async finishJob({ name }: SeenPod): Promise<void> {
    const pod = name.slice(`${namespace}/`.length);
    const terminated = { exitCode: 0, reason: 'Completed' };
    const conditions = ['Ready', 'ContainersReady'].map((type) => ({ type, status: 'False' }));
    await this.#insist({
      method: 'PATCH',
      path: `/api/v1/namespaces/${namespace}/pods/${pod}/status`,
      contentType: 'application/strategic-merge-patch+json',
      body: {
        status: {
          phase: 'Succeeded',
          conditions,
          containerStatuses: [{ name: 'main', ready: false, state: { running: null, terminated } }],
        },
      },
    });
  }

  /** How many pods of the Job have done their work, and how many have failed. */
  async job(name: string): Promise<{ readonly succeeded: number; readonly failed: number }> {
    const { status } = (await this.#insist({ method: 'GET', path: jobPath(name) })) as JobObject;
    return { succeeded: status?.succeeded ?? 0, failed: status?.failed ?? 0 };
  }

  /**
   * A Deployment of one pod and a budget that wants it: no drain ever gets rid of it. On this node
   * or nowhere, if one is named; returns when it runs, and the budget has counted it.
   */
  async guard(name: string, node?: string): Promise<SeenPod> {
    const nodeSelector = node === undefined ? {} : { 'kubernetes.io/hostname': node };
    await this.#deploy({ name, replicas: 1, nodeSelector });
    await this.#budget(name, { minAvailable: 1 });
    await untilTrue(`the budget ${name} counts its pod`, async () => {
      const answer = await this.#insist({ method: 'GET', path: budgetPath(name) });
      return (answer as BudgetObject).status?.currentHealthy === 1;
    });
    return this.#running(name);
  }

  /** An autoscaler of that Deployment, which knows no metrics: only its bounds count. */
  async autoscale(name: string, bounds: { readonly min: number; readonly max: number }) {
    const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', name };
    await this.#apply(autoscalerPath(name), {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { namespace, name },
      spec: { scaleTargetRef, minReplicas: bounds.min, maxReplicas: bounds.max },
    });
  }

  deployment(name: string): Promise<SeenScale> {
    return this.#scale(deploymentPath(name));
  }

  autoscaler(name: string): Promise<SeenScale> {
    return this.#scale(autoscalerPath(name));
  }

  async #scale(path: string): Promise<SeenScale> {
    const { metadata, spec } = (await this.#insist({ method: 'GET', path })) as ScaledObject;
    return {
      replicas: spec.replicas ?? spec.minReplicas ?? 0,
      surge: metadata.annotations?.[surgeAnnotation],
    };
  }

  /** As a controller does that has its own idea of it. */
  async setReplicas(name: string, replicas: number, fieldManager: string): Promise<void> {
    await this.#insist({
      method: 'PATCH',
      path: `${deploymentPath(name)}?fieldManager=${fieldManager}`,
      body: { spec: { replicas } },
      contentType: 'application/merge-patch+json',
    });
  }

  /** A budget of that Deployment that lets nothing leave: a drain comes this far and no further. */
  async forbidEvictions(name: string): Promise<void> {
    await this.#budget(name, { maxUnavailable: 0 });
  }

  async allowEvictions(name: string): Promise<void> {
    await this.#insist({ method: 'DELETE', path: budgetPath(name) }, [404]);
  }

  async writeConfigMap(name: string): Promise<void> {
    await this.#apply(configMapPath(name), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { namespace, name },
      data: { name },
    });
  }

  async deleteConfigMap(name: string): Promise<void> {
    await this.#insist({ method: 'DELETE', path: configMapPath(name) }, [404]);
  }

  async hasConfigMap(name: string): Promise<boolean> {
    const answer = await this.#insist({ method: 'GET', path: configMapPath(name) }, [404]);
    return (answer as { readonly kind: string }).kind === 'ConfigMap';
  }

  /** Names, sorted. */
  async configMaps(): Promise<readonly string[]> {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const answer = await this.#insist({ method: 'GET', path });
    const { items } = answer as List<{ readonly metadata: { readonly name: string } }>;
    return items.map(({ metadata }) => metadata.name).toSorted();
  }

  /** One that nobody claims, on a disk that nobody looks at. */
  async writeVolume(name: string): Promise<void> {
    await this.#apply(`/api/v1/persistentvolumes/${name}`, {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        capacity: { storage: '1Mi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: 'made-by-hand',
        hostPath: { path: `/var/lib/${name}` },
      },
    });
  }

  async deleteVolume(name: string): Promise<void> {
    const path = `/api/v1/persistentvolumes/${name}`;
    await this.#insist({ method: 'DELETE', path }, [404]);
    // A finalizer keeps it until a controller has seen that nobody uses it.
    await untilTrue(`volume ${name} is gone`, async () => {
      const answer = await this.#insist({ method: 'GET', path }, [404]);
      return (answer as { readonly kind: string }).kind !== 'PersistentVolume';
    });
  }

  /** A pod of the Deployment or Job of that name, as soon as one is Ready. */
  #running(name: string): Promise<SeenPod> {
    return until(`${name} runs`, async () => {
      const pods = await this.pods();
      return pods.find((pod) => pod.name.startsWith(`${namespace}/${name}-`) && pod.isReady);
    });
  }

  async #budget(name: string, allowed: Readonly<Record<string, number>>): Promise<void> {
    await this.#apply(budgetPath(name), {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { namespace, name },
      spec: { ...allowed, selector: { matchLabels: { app: name } } },
    });
  }

  async #deploy(options: {
    readonly name: string;
    readonly replicas: number;
    readonly nodeSelector?: Readonly<Record<string, string>>;
  }): Promise<void> {
    const { name, replicas, nodeSelector = {} } = options;
    const labels = { app: name };
    const containers = [{ name: 'main', image: `${name}:1.0` }];
    const template = { metadata: { labels }, spec: { nodeSelector, containers } };
    await this.#apply(deploymentPath(name), {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { namespace, name },
      spec: { replicas, selector: { matchLabels: labels }, template },
    });
  }

  async #apply(path: string, body: object): Promise<void> {
    await this.#insist({
      method: 'PATCH',
      path: `${path}?fieldManager=e2e&force=true`,
      body,
      contentType: 'application/apply-patch+yaml',
    });
  }

  /** K1. */
  #insist(request: KubeRequest, allowed: readonly number[] = []): Promise<unknown> {
    return until(`${request.method} ${request.path} is answered`, async () => {
      const { body } = await this.#rest.must(request, allowed);
      return body ?? {};
    });
  }
}
