// What the simulation of drains is worth and what it costs: its predictions against the real
// scheduler on random clusters (keys `precision`, `recall`), and the largest cluster that
// Kubernetes supports in a process of its own (`largeSeconds`, `largeRssMb`).

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { simulatedPod } from '../activities/adapters/pod-shapes';
import { simulatedBudget, simulatedNode } from '../activities/adapters/simulation-evidence';
import { simulateCluster } from '../domain/simulation/report';
import { labDown, labUp } from '../lab/lab';
import { stillRunning } from '../lab/still-running';
import { budgetsAs, nodesAs, podsAs } from './large-cluster';
import { precision, proveSimulation, recall } from './simulation/proof';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';

/** Of one run; the test `thorough` plays 200. */
const clusters = 40;

type Measured = Readonly<Record<string, number>>;

/** All of it: each of the 5,000 nodes alone, and every window of a tenth of them. */
function measureLarge(): Measured {
  const nodes = nodesAs((node) => {
    const view = simulatedNode(node);
    return { ...view, labels: { ...view.labels, 'kubernetes.io/os': 'linux' } };
  });
  const evidence = {
    nodes,
    pods: podsAs((pod) => ({ ...simulatedPod(pod), claims: [] })),
    budgets: budgetsAs(simulatedBudget),
    claims: [],
    volumes: [],
    storageClasses: [],
    namespaces: [],
    autoscalers: [],
    services: [],
  };
  const startedMs = performance.now();
  const report = simulateCluster(evidence, {
    pools: [
      {
        name: 'workers',
        nodes: nodes.map(({ name }) => name),
        maxUnavailable: '10%',
        drain: { emptyDirData: 'delete', unmanagedPods: 'evict' },
      },
    ],
    headroom: false,
    replacedBy: new Map(),
    windowsAtMost: 50,
  });
  const largeSeconds = (performance.now() - startedMs) / 1_000;
  if (report.nodes.length !== nodes.length) throw new Error('a node was left out');
  return { largeSeconds, largeRssMb: process.resourceUsage().maxRSS / 1024 };
}

async function large(signal: AbortSignal): Promise<Measured> {
  const child = fork(__filename, ['large'], { signal });
  const [message] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`large: exit ${code}`))),
  ])) as [Measured];
  return message;
}

async function proven(run: number, { interruption }: BenchmarkOptions): Promise<Measured> {
  const root = await mkdtemp(path.join(tmpdir(), 'ascent-bench-simulation-'));
  const stateDir = path.join(root, 'lab');
  const started = {
    what: `lab ${stateDir}`,
    endWith: `npm run ascent -- lab down --state-dir ${stateDir}`,
    left: () => stillRunning(stateDir),
  };
  return interruption.whileTearingDown(started, async () => {
    try {
      const shape = { name: 'bench-simulation', members: 1, nodes: 2, workloads: 'none' } as const;
      const { signal } = interruption;
      const lab = await labUp({ ...shape, stateDir, version: '1.30.14', signal });
      const seeds = Array.from({ length: clusters }, (_, index) => `r${run}-${index + 1}`);
      const report = await proveSimulation(lab, seeds, (line) => process.stderr.write(`${line}\n`));
      return {
        precision: precision(report),
        recall: recall(report),
        pods: report.pods.looked,
        nodes: report.nodes.looked,
        misses: report.misses.length,
      };
    } finally {
      await labDown({ stateDir });
      await rm(root, { recursive: true, force: true });
    }
  });
}

export async function simulationBenchmark(options: BenchmarkOptions): Promise<Figures> {
  const results: Measured[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    const figures = await large(options.interruption.signal);
    results.push({ ...(await proven(run, options)), ...figures });
  }
  return figuresOf(results);
}

if (require.main === module && process.argv[2] === 'large') process.send?.(measureLarge());
