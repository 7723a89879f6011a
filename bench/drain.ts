// One drain of one node, by `kubectl drain` and by Ascent in turns, on the same lab: two nodes, and
// a Deployment that moves from one to the other and back. Wall time from the command to the empty
// node; for Ascent through its client, Temporal and a worker, as another service would ask for it.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

import { bringUp, type Ground } from '../bin/demo/ground';
import { AscentClient } from '../client';
import { findKubectl } from '../lab/kubectl';
import { KubeRest } from '../lab/kube-rest';
import { labLayout } from '../lab/layout';
import { eventually } from '../lab/waiting';
import { type Figures, figuresOf } from './statistics';

const run = promisify(execFile);

interface Case {
  readonly key: string;
  readonly pods: number;
  readonly maxUnavailable?: `${number}%`;
}

const cases: readonly Case[] = [
  { key: '30', pods: 30 },
  { key: '100', pods: 100 },
  { key: 'Tight', pods: 20, maxUnavailable: '10%' },
];

const namespace = 'bench';
const settleMs = 120_000;

class Bench {
  readonly #ground: Ground;
  readonly #kube: KubeRest;
  readonly #client: AscentClient;
  readonly #kubectl: string;
  /** Pods of a case begin on the first. */
  readonly nodes: readonly [string, string];

  private constructor(
    ground: Ground,
    kube: KubeRest,
    client: AscentClient,
    kubectl: string,
    nodes: readonly [string, string],
  ) {
    this.nodes = nodes;
    this.#ground = ground;
    this.#kube = kube;
    this.#client = client;
    this.#kubectl = kubectl;
  }

  static async open(ground: Ground): Promise<Bench> {
    const kubectl = await findKubectl();
    if (kubectl === undefined) throw new Error('there is no kubectl to compare with');
    const { server } = await clusterOf(ground, kubectl);
    const kube = await KubeRest.admin(labLayout(ground.stateDir), server);
    const address = ground.temporalAddress;
    const client = await AscentClient.connect({ address, env: {} });
    const { body } = await kube.must({ method: 'GET', path: '/api/v1/nodes' });
    const { items } = body as { readonly items: readonly { metadata: { name: string } }[] };
    const [first, second] = items.map(({ metadata }) => metadata.name);
    if (first === undefined || second === undefined) throw new Error('two nodes are needed');
    return new Bench(ground, kube, client, kubectl, [first, second]);
  }

  async close(): Promise<void> {
    this.#kube.close();
    await this.#client.close();
  }

  /** All pods of the case on the first node, available; both nodes serve. */
  async prepare({ pods, maxUnavailable }: Case): Promise<void> {
    const [first, second] = this.nodes;
    await this.#kubectlDo('delete', 'namespace', namespace, '--ignore-not-found');
    await this.#kubectlDo('cordon', second);
    await this.#kube.apply(`/api/v1/namespaces/${namespace}`, {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: namespace },
    });
    if (maxUnavailable !== undefined) await this.#applyBudget(maxUnavailable);
    await this.#applyDeployment(pods);
    await this.#settle(first, pods);
    await this.#kubectlDo('uncordon', second);
  }

  /** Seconds. Afterwards all pods are available on `to`, and `from` serves again. */
  async byKubectl(from: string, to: string, pods: number): Promise<number> {
    const seconds = await timed(() =>
      this.#kubectlDo('drain', from, '--ignore-daemonsets', '--timeout=300s'),
    );
    await this.#settle(to, pods);
    await this.#kubectlDo('uncordon', from);
    return seconds;
  }

  /** The same with Ascent. */
  async byAscent(from: string, to: string, pods: number): Promise<number> {
    const { cluster } = this.#ground;
    const asked = { actor: 'bench', reason: 'a measurement' };
    const seconds = await timed(async () => {
      const start = await this.#client.drain(cluster, from, asked);
      if (start.kind === 'refused') throw new Error(`refused: ${start.refusal.code}`);
      const drain = this.#client.watchDrain(cluster, from);
      for await (const { status } of drain) {
        if (status.end !== undefined && status.end.outcome !== 'drained') {
          throw new Error(`the drain of ${from} ended as ${status.end.outcome}`);
        }
      }
    });
    await this.#settle(to, pods);
    await this.#client.uncordon(cluster, from, asked);
    return seconds;
  }

  async #settle(node: string, pods: number): Promise<void> {
    const isSettled = await eventually(async () => (await this.#readyOn(node)) === pods, {
      timeoutMs: settleMs,
      everyMs: 200,
    });
    if (!isSettled) throw new Error(`${pods} pods were to be ready on ${node}`);
  }

  async #readyOn(node: string): Promise<number> {
    const path = `/api/v1/namespaces/${namespace}/pods`;
    const { body } = await this.#kube.must({ method: 'GET', path });
    const { items } = body as { readonly items: readonly BenchPod[] };
    // Also those that are leaving: a drain is compared from a cluster at rest.
    if (items.some(({ metadata }) => metadata.deletionTimestamp !== undefined)) return -1;
    return items.filter(({ spec, status }) => spec.nodeName === node && isReady(status)).length;
  }

  async #applyBudget(maxUnavailable: string): Promise<void> {
    const path = `/apis/policy/v1/namespaces/${namespace}/poddisruptionbudgets/web`;
    await this.#kube.apply(path, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web', namespace },
      spec: { maxUnavailable, selector: { matchLabels: { app: 'web' } } },
    });
  }

  async #applyDeployment(replicas: number): Promise<void> {
    await this.#kube.apply(`/apis/apps/v1/namespaces/${namespace}/deployments/web`, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace },
      spec: {
        replicas,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: {
            terminationGracePeriodSeconds: 1,
            containers: [{ name: 'web', image: 'web:1' }],
          },
        },
      },
    });
  }

  async #kubectlDo(...args: readonly string[]): Promise<void> {
    await run(this.#kubectl, [`--kubeconfig=${this.#ground.kubeconfig}`, ...args]);
  }
}

interface BenchPod {
  readonly metadata: { readonly deletionTimestamp?: string };
  readonly spec: { readonly nodeName?: string };
  readonly status: PodStatus;
}

interface PodStatus {
  readonly conditions?: readonly { readonly type: string; readonly status: string }[];
}

function isReady({ conditions = [] }: PodStatus): boolean {
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

async function clusterOf(
  { kubeconfig }: Ground,
  kubectl: string,
): Promise<{ readonly server: string }> {
  const path = '-o=jsonpath={.clusters[0].cluster.server}';
  const { stdout } = await run(kubectl, [`--kubeconfig=${kubeconfig}`, 'config', 'view', path]);
  return { server: stdout.trim() };
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const startedMs = performance.now();
  await action();
  return (performance.now() - startedMs) / 1_000;
}

/** A pair of drains, there and back; who goes first changes with each pair. */
async function pair(
  bench: Bench,
  { key, pods }: Case,
  isAscentFirst: boolean,
): Promise<Readonly<Record<string, number>>> {
  const [first, second] = bench.nodes;
  const byAscent = (from: string, to: string): Promise<number> => bench.byAscent(from, to, pods);
  const byKubectl = (from: string, to: string): Promise<number> => bench.byKubectl(from, to, pods);
  const there = await (isAscentFirst ? byAscent : byKubectl)(first, second);
  const back = await (isAscentFirst ? byKubectl : byAscent)(second, first);
  const [ascent, kubectl] = isAscentFirst ? [there, back] : [back, there];
  return {
    [`ratio${key}`]: ascent / kubectl,
    [`ascentSeconds${key}`]: ascent,
    [`kubectlSeconds${key}`]: kubectl,
  };
}

export async function drainBenchmark(runs: number): Promise<Figures> {
  const tell = (): void => undefined;
  const shape = { name: 'bench-drain', members: 1, nodes: 2, workloads: 'none' } as const;
  const ground = await bringUp(shape, tell);
  try {
    const bench = await Bench.open(ground);
    const results: Readonly<Record<string, number>>[] = [];
    for (const one of cases) {
      process.stdout.write(`${one.pods} pods, maxUnavailable ${one.maxUnavailable ?? 'any'} …\n`);
      await bench.prepare(one);
      for (let index = 0; index < runs; index += 1) {
        results.push(await pair(bench, one, index % 2 === 0));
      }
    }
    await bench.close();
    return figuresOf(results);
  } finally {
    await ground.tearDown();
  }
}
