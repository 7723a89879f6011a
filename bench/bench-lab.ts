// What benchmarks of drains do on a lab besides draining: Deployments, waiting until all is at
// rest, kubectl, clocks.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import type { Ground } from '../bin/demo/ground';
import { AscentClient } from '../client';
import { findKubectl } from '../lab/kubectl';
import { KubeRest } from '../lab/kube-rest';
import { labLayout } from '../lab/layout';
import { eventually } from '../lab/waiting';
import { evictEveryPodOnce } from './bare-evictions';

const run = promisify(execFile);

export interface BenchDeployment {
  readonly name: string;
  readonly replicas: number;
  readonly maxUnavailable?: `${number}%`;
}

const namespace = 'bench';
const settleMs = 120_000;
const settlePerPodMs = 100;

interface BenchPod {
  readonly metadata: { readonly name: string; readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: {
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

interface BenchDeploymentObject {
  readonly status?: { readonly availableReplicas?: number };
}

function isReady({ status: { conditions = [] } }: BenchPod): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function isLeaving({ metadata }: BenchPod): boolean {
  return metadata.deletionTimestamp !== undefined;
}

export class BenchLab {
  readonly client: AscentClient;
  /** In the order of their names. */
  readonly nodes: readonly string[];
  readonly kube: KubeRest;
  /** Address of the balancer. */
  readonly server: string;
  readonly #kubeconfig: string;
  readonly #kubectl: readonly [file: string, ...args: string[]];
  readonly #signal: AbortSignal;

  private constructor(parts: {
    readonly client: AscentClient;
    readonly nodes: readonly string[];
    readonly kube: KubeRest;
    readonly server: string;
    readonly kubeconfig: string;
    readonly kubectl: readonly [file: string, ...args: string[]];
    readonly signal: AbortSignal;
  }) {
    this.client = parts.client;
    this.nodes = parts.nodes;
    this.kube = parts.kube;
    this.server = parts.server;
    this.#kubeconfig = parts.kubeconfig;
    this.#kubectl = parts.kubectl;
    this.#signal = parts.signal;
  }

  /** `signal` ends what it has kubectl do. */
  static async open(
    { kubeconfig, stateDir, temporalAddress }: Ground,
    signal: AbortSignal,
  ): Promise<BenchLab> {
    const file = await findKubectl();
    if (file === undefined) throw new Error('there is no kubectl to compare with');
    const kubectl = [file, `--kubeconfig=${kubeconfig}`] as const;
    const address = '-o=jsonpath={.clusters[0].cluster.server}';
    const { stdout } = await run(file, [kubectl[1], 'config', 'view', address]);
    const server = stdout.trim();
    const kube = await KubeRest.admin(labLayout(stateDir), server);
    const { body } = await kube.must({ method: 'GET', path: '/api/v1/nodes' });
    const { items } = body as { readonly items: readonly { metadata: { name: string } }[] };
    const nodes = items.map(({ metadata }) => metadata.name);
    const client = await AscentClient.connect({ address: temporalAddress, env: {} });
    return new BenchLab({ client, nodes, kube, server, kubeconfig, kubectl, signal });
  }

  async close(): Promise<void> {
    this.kube.close();
    await this.client.close();
  }

  async kubectl(...args: readonly string[]): Promise<void> {
    const [file, ...first] = this.#kubectl;
    await run(file, [...first, ...args], { signal: this.#signal });
  }

  /** An empty namespace, and these in it; does not wait for their pods. */
  async deploy(deployments: readonly BenchDeployment[]): Promise<void> {
    await this.kubectl('delete', 'namespace', namespace, '--ignore-not-found');
    await this.kube.apply(`/api/v1/namespaces/${namespace}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    for (const { name, replicas, maxUnavailable } of deployments) {
      if (maxUnavailable !== undefined) await this.#applyBudget(name, maxUnavailable);
      await this.#applyDeployment(name, replicas);
    }
  }

  /** Until so many pods are Ready, on `node` where one is named, and none is leaving. */
  async untilAtRest(pods: number, node?: string): Promise<void> {
    const isAtRest = await eventually(
      async () => {
        const all = await this.#pods();
        const there = all.filter(({ spec }) => node === undefined || spec.nodeName === node);
        return !all.some(isLeaving) && there.filter(isReady).length === pods;
      },
      { timeoutMs: settleMs, everyMs: 200 },
    );
    if (!isAtRest) throw new Error(`${pods} pods were to be Ready on ${node ?? 'the nodes'}`);
  }

  /** The same, asked of the Deployments: for more pods than one would list again and again. */
  async untilAvailable(pods: number): Promise<void> {
    const path = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    let available = 0;
    let problem = '';
    const isAvailable = async (): Promise<boolean> => {
      // An API server that gets thousands of pods at once may leave somebody without an answer.
      const answer = await this.kube.must({ method: 'GET', path }).catch((error: unknown) => {
        problem = `; ${String(error)}`;
      });
      if (answer === undefined) return false;
      const { items } = answer.body as { readonly items: readonly BenchDeploymentObject[] };
      available = items.reduce((sum, { status }) => sum + (status?.availableReplicas ?? 0), 0);
      return available === pods;
    };
    const limits = { timeoutMs: settleMs + pods * settlePerPodMs, everyMs: 1_000 };
    if (await eventually(isAvailable, limits)) return;
    throw new Error(`${available} of ${pods} pods became available${problem}`);
  }

  /** From the eviction of one pod until as many serve as before; from a cluster at rest. */
  async replacementSeconds(): Promise<number> {
    const before = await this.#pods();
    const name = before[0]?.metadata.name;
    if (name === undefined) throw new Error('there is no pod to evict');
    const path = `/api/v1/namespaces/${namespace}/pods/${name}/eviction`;
    const body = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name, namespace } };
    const isServed = async (): Promise<boolean> =>
      (await this.#pods()).filter((pod) => isReady(pod) && !isLeaving(pod)).length ===
      before.length;
    return timed(async () => {
      await this.kube.must({ method: 'POST', path, body });
      await eventually(isServed, { timeoutMs: settleMs, everyMs: 20 });
    });
  }

  /** How many pods each node has that has any; also nodes that are cordoned. */
  async podsPerNode(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { spec } of await this.#pods()) {
      if (spec.nodeName === undefined) continue;
      counts.set(spec.nodeName, (counts.get(spec.nodeName) ?? 0) + 1);
    }
    return counts;
  }

  /** Every pod leaves once, as fast as the budgets allow; see bare-evictions.ts. Seconds. */
  evictEveryPodOnce(): Promise<number> {
    return evictEveryPodOnce(this.#kubeconfig, namespace);
  }

  async #pods(): Promise<readonly BenchPod[]> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { body } = await this.kube.must({ method: 'GET', path });
    return (body as { readonly items: readonly BenchPod[] }).items;
  }

  async #applyBudget(name: string, maxUnavailable: string): Promise<void> {
    const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/${name}`;
    await this.kube.apply(path, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace },
      spec: { maxUnavailable, selector: { matchLabels: { app: name } } },
    });
  }

  async #applyDeployment(name: string, replicas: number): Promise<void> {
    await this.kube.apply(`/apis/apps/v1/namespaces/${namespace}/deployments/${name}`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        replicas,
        selector: { matchLabels: { app: name } },
        template: {
          metadata: { labels: { app: name } },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'web', image: 'web:1' }],
          },
        },
      },
    });
  }
}

/** Seconds. */
export async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await action();
  return (performance.now() - startedMs) / 1_000;
}
