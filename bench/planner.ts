// What a plan of the largest cluster that Kubernetes supports costs (5,000 nodes, 150,000 pods:
// kubernetes.io/docs/setup/best-practices/cluster-large): from lists of all that is there to a plan
// that was judged, in a process of its own; and what a worker's watches keep of such a cluster.

import { fork } from 'node:child_process';
import { once } from 'node:events';

import { BudgetStore, NodeStore, PodStore } from '../activities/adapters/watch-stores';
import { observeCluster } from '../activities/observe';
import { planAndCheck } from '../activities/plan';
import { parseSpecFile } from '../client/spec-file';
import type { ClusterName } from '../domain/names';
import { budgets, largeClusterPorts, nodes, pods } from './large-cluster';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';

const spec = `
apiVersion: ascent/v1
cluster: large
target: "1.30"
pools:
  - name: workers
    maxUnavailable: 10%
`;

type Measurement = 'plan' | 'watch';
type Measured = Readonly<Record<string, number>>;

const megabyte = 1024 * 1024;

async function measurePlan(): Promise<Measured> {
  const read = parseSpecFile(spec, 'spec');
  if (read.kind !== 'valid') throw new Error('the spec of this benchmark cannot be read');
  const ports = largeClusterPorts();
  const { signal } = new AbortController();
  const startedMs = performance.now();
  const observation = await observeCluster({ cluster: 'large' as ClusterName, ports, signal });
  const result = planAndCheck({ spec: read.spec }, observation);
  const seconds = (performance.now() - startedMs) / 1_000;
  const planned = result.kind === 'planned' ? nodesOf(result.plan.hops) : 0;
  if (planned !== 2 * observation.nodes.length) {
    throw new Error(`${planned} nodes are planned, of ${observation.nodes.length} in two hops`);
  }
  return { seconds, rssMb: process.resourceUsage().maxRSS / 1024 };
}

function nodesOf(hops: readonly { readonly steps: readonly object[] }[]): number {
  return hops
    .flatMap(({ steps }) => steps)
    .reduce((sum, step) => sum + ('nodes' in step ? (step.nodes as unknown[]).length : 0), 0);
}

/** The stores as the watches fill them; heap in use afterwards, less that of before. */
function measureWatch(): Measured {
  const before = settledHeap();
  const stores = [
    new PodStore(() => undefined),
    new NodeStore(() => undefined),
    new BudgetStore(() => undefined),
  ] as const;
  stores[0].replace(pods());
  stores[1].replace(nodes());
  stores[2].replace(budgets());
  const after = settledHeap();
  if (stores[0].onNode('worker-0').length === 0) throw new Error('the store keeps nothing');
  return { watchMb: (after - before) / megabyte };
}

/** Heap in use after a full collection (the child runs with --expose-gc). */
function settledHeap(): number {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed;
}

/** `signal` ends it. */
async function measured(what: Measurement, signal: AbortSignal): Promise<Measured> {
  const child = fork(__filename, [what], { execArgv: ['--expose-gc'], signal });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${what}: exit ${code}`))),
  ])) as [Measured];
  return message;
}

export async function plannerBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const { signal } = interruption;
  const results: Measured[] = [];
  for (let run = 1; run <= runs; run += 1) {
    results.push({ ...(await measured('plan', signal)), ...(await measured('watch', signal)) });
  }
  return figuresOf(results);
}

const measurements: Readonly<Record<Measurement, () => Measured | Promise<Measured>>> = {
  plan: measurePlan,
  watch: measureWatch,
};

if (require.main === module) {
  const what = process.argv[2] as Measurement;
  void Promise.resolve(measurements[what]()).then((figures) => process.send?.(figures));
}
