// A whole path over two minors: 12 nodes, 285 pods in 12 Deployments whose budgets allow 10 %. The
// nodes by `kubectl drain` and `uncordon` one after the other, as runbooks do it, and by Ascent; of
// an upgrade only its pools count, because the runbook leaves the control plane alone. Beside it,
// what the budgets alone take: on this machine, and if moving pods cost it nothing.

import { demoSpec } from '../bin/demo/demo';
import { startObserver } from '../bin/demo/observer-process';
import type { Interruption } from '../bin/interruption';
import type { HopOutcome } from '../domain/status/progress';
import type { Lane } from '../domain/spec';
import { type BenchDeployment, type BenchLab, timed } from './bench-lab';
import { assertBegun, completed, poolSecondsOf } from './bench-upgrade';
import type { Chart } from './chart';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

const cluster = 'bench-path';
const nodeCount = 12;
const minors = 2;
const deployments: readonly BenchDeployment[] = Array.from({ length: 12 }, (_, index) => ({
  name: `app-${index + 1}`,
  // 285 in all.
  replicas: index < 9 ? 24 : 23,
  maxUnavailable: '10%',
}));
const pods = deployments.reduce((sum, { replicas }) => sum + replicas, 0);

async function serialPath(lab: BenchLab): Promise<number> {
  return timed(async () => {
    for (let hop = 0; hop < minors; hop += 1) {
      for (const node of lab.nodes) {
        await lab.kubectl('drain', node, '--ignore-daemonsets', '--timeout=600s');
        await lab.kubectl('uncordon', node);
      }
    }
  });
}

interface AscentPath {
  readonly poolSeconds: number;
  readonly evictions: number;
}

async function ascentPath(lab: BenchLab, lane: Lane): Promise<AscentPath> {
  const spec = demoSpec(cluster, { members: 1, nodes: nodeCount, maxUnavailable: '34%' });
  const pools = spec.pools.map((pool) => ({ ...pool, lane, zones: 'any' as const }));
  const wanted = { ...spec, approvals: 'none', hopSoakMs: 0, pools } as const;
  assertBegun(await lab.client.start(wanted, { actor: 'bench' }));
  const { hops } = await completed(lab, cluster);
  return { poolSeconds: poolSecondsOf(hops), evictions: evictionsOf(hops) };
}

function evictionsOf(hops: readonly HopOutcome[]): number {
  const nodes = hops.flatMap((hop) => hop.nodes);
  return nodes.reduce((sum, { evicted }) => sum + evicted, 0);
}

/**
 * What the budgets alone would take if everything else were free: each Deployment moves all of its
 * pods, as many at a time as its budget allows, and each time waits for replacements.
 * `cycleSeconds`: from an eviction until its replacement is Ready, on this lab at rest.
 */
function boundAtRestSeconds(cycleSeconds: number): number {
  const rounds = deployments.map(({ replicas }) => Math.ceil(replicas / Math.ceil(replicas / 10)));
  return minors * Math.max(...rounds) * cycleSeconds;
}

/**
 * What the budgets alone take on this machine, which has to move all those pods: every pod leaves
 * once a minor, always as many as the budgets allow at that moment.
 */
async function boundSeconds(lab: BenchLab): Promise<number> {
  let seconds = 0;
  for (let hop = 0; hop < minors; hop += 1) {
    seconds += await lab.evictEveryPodOnce();
    await lab.untilAtRest(pods);
  }
  return seconds;
}

/**
 * Evictions a pod that no order of drains with a canary can do without: the pods of the first node
 * have only nodes to go to that are to be drained themselves.
 */
async function evictionsFloor(lab: BenchLab): Promise<number> {
  const counts = await lab.podsPerNode();
  const fewest = Math.min(...lab.nodes.map((node) => counts.get(node) ?? 0));
  return (pods + fewest) / pods;
}

interface MeasuredPath extends AscentPath {
  readonly before: Readonly<Record<string, number>>;
  readonly evictionsFloor: number;
  readonly violations: number;
}

/** One lane from 1.28, on a lab of its own: an upgrade leaves it two minors further. */
function upgraded(
  { lane, interruption }: { readonly lane: Lane; readonly interruption: Interruption },
  alsoBefore: (lab: BenchLab) => Promise<Readonly<Record<string, number>>>,
): Promise<MeasuredPath> {
  const shape = { name: cluster, members: 1, nodes: nodeCount, workloads: 'none' } as const;
  return withLab({ shape, interruption }, async (lab, { kubeconfig }) => {
    await lab.deploy(deployments);
    await lab.untilAtRest(pods);
    const observer = await startObserver(kubeconfig);
    try {
      const before = await alsoBefore(lab);
      await lab.untilAtRest(pods);
      const floor = await evictionsFloor(lab);
      const path = await ascentPath(lab, lane);
      const { violations } = await observer.report();
      return { ...path, before, evictionsFloor: floor, violations: violations.length };
    } finally {
      observer.kill();
    }
  });
}

function chartOf({ medians }: Figures): Chart {
  const bar = (name: string, key: string) => ({ name, value: medians[key] ?? Number.NaN });
  const bars = [
    bar('Ascent', 'ascentSeconds'),
    bar('kubectl, serial', 'kubectlSeconds'),
    bar('budgets alone', 'boundSeconds'),
  ];
  const title = `${nodeCount} nodes and ${pods} pods over two minors`;
  return { title, unit: 's', groups: [{ label: 'nodes', bars }] };
}

export async function pathBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const results: Readonly<Record<string, number>>[] = [];
  for (let index = 1; index <= runs; index += 1) {
    process.stdout.write(`path ${index} of ${runs} …\n`);
    const every = await upgraded({ lane: 'every-hop', interruption }, async (lab) => {
      const cycle = await lab.replacementSeconds();
      await lab.untilAtRest(pods);
      const bound = await boundSeconds(lab);
      return { cycle, bound, kubectl: await serialPath(lab) };
    });
    const fewest = await upgraded({ lane: 'fewest-drains', interruption }, async () => ({}));
    const { kubectl = Number.NaN, bound = Number.NaN, cycle = Number.NaN } = every.before;
    results.push({
      wallRatio: every.poolSeconds / kubectl,
      evictionsPerPodPerLane: every.evictions / pods / minors,
      boundRatio: every.poolSeconds / bound,
      fewestDrainsEvictionsPerPod: fewest.evictions / pods,
      budgetViolations: every.violations + fewest.violations,
      ascentSeconds: every.poolSeconds,
      kubectlSeconds: kubectl,
      boundSeconds: bound,
      boundAtRestSeconds: boundAtRestSeconds(cycle),
      evictionsFloor: every.evictionsFloor,
      fewestDrainsEvictionsFloor: fewest.evictionsFloor,
    });
  }
  const figures = figuresOf(results);
  return { ...figures, chart: chartOf(figures) };
}
