// A thousand nodes with ten thousand pods over one minor, and a tenth of both beside them: what a
// node costs must not grow with the cluster. One member, a worker of its own.
// The cost is CPU time of the worker from the start of the upgrade to its end, a node.

import { demoSpec } from '../bin/demo/demo';
import { peakRssMb } from '../bin/demo/figures';
import type { Ground } from '../bin/demo/ground';
import type { Interruption } from '../bin/interruption';
import type { HopOutcome } from '../domain/status/progress';
import { type BenchLab, timed } from './bench-lab';
import { assertBegun, completed, poolSecondsOf } from './bench-upgrade';
import { type CountedWorker, startCountedWorker } from './counted-worker';
import { type Histories, readHistories } from './histories';
import { meanTimes, type NodeTimes } from './node-times';
import { deploymentsFor } from './scale-figures';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

const cluster = 'bench-scale';
const target = '1.29';
const defaultNodes = 1_000;
/** The small cluster has this part of the nodes. */
const smallerBy = 10;
/** Both clusters have the same part of their nodes in work. */
const maxUnavailable = '5%';
const tellEveryMs = 15_000;
/** Nodes whose histories are read for where their time goes. */
const timedNodes = 50;

interface Measured {
  readonly poolSeconds: number;
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
  readonly rssMb: number;
  readonly apiRequests: number;
  readonly histories: Histories;
}

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** One minor on a cluster of its own. */
function measured(nodes: number, interruption: Interruption): Promise<Measured> {
  const shape = { name: cluster, members: 1, nodes, workloads: 'none' } as const;
  tell(`${nodes} nodes …`);
  return withLab({ shape, interruption }, async (lab, ground) => {
    const deployments = deploymentsFor(nodes);
    await lab.deploy(deployments);
    await lab.untilAvailable(deployments.reduce((sum, { replicas }) => sum + replicas, 0));
    const worker = await startCountedWorker(ground, lab);
    try {
      return await upgraded({ ground, lab, worker, nodes });
    } finally {
      await worker.stop();
    }
  });
}

interface Upgrade {
  readonly ground: Ground;
  readonly lab: BenchLab;
  readonly worker: CountedWorker;
  readonly nodes: number;
}

async function upgraded({ ground, lab, worker, nodes }: Upgrade): Promise<Measured> {
  const spec = demoSpec(cluster, { members: 1, nodes, maxUnavailable, to: target });
  const wanted = { ...spec, approvals: 'none', hopSoakMs: 0 } as const;
  const cpuBefore = await worker.cpuSeconds();
  const wallSeconds = await timed(async () => {
    assertBegun(await lab.client.start(wanted, { actor: 'bench' }));
    await followed(lab);
  });
  const cpuSeconds = (await worker.cpuSeconds()) - cpuBefore;
  const result = await completed(lab, cluster);
  assertUpgraded(result.hops, nodes);
  return {
    poolSeconds: poolSecondsOf(result.hops),
    wallSeconds,
    cpuSeconds,
    rssMb: await peakRssMb(worker.pid),
    apiRequests: await worker.requests(),
    histories: await readHistories(ground.temporalAddress, cluster, { nodes, timed: timedNodes }),
  };
}

/** Tells now and then how far it is; somebody looks at an upgrade of this size, too. */
async function followed(lab: BenchLab): Promise<void> {
  let toldAtMs = 0;
  for await (const { status, pool } of lab.client.watch(cluster, { intervalMs: 5_000 })) {
    if (status.phase === 'needs-operator') throw new Error(status.sentence);
    if (performance.now() - toldAtMs < tellEveryMs) continue;
    toldAtMs = performance.now();
    const done = pool === undefined ? '' : `; ${pool.done.length} of ${pool.total} nodes done`;
    tell(`  ${status.sentence}${done}`);
  }
}

function assertUpgraded(hops: readonly HopOutcome[], nodes: number): void {
  const through = hops.flatMap((hop) => hop.nodes).filter(({ outcome }) => outcome === 'upgraded');
  if (through.length !== nodes) throw new Error(`${through.length} of ${nodes} nodes upgraded`);
}

function tellTimes(nodes: number, times: readonly NodeTimes[]): void {
  tell(`mean seconds of a node, of ${nodes} nodes:`);
  for (const [part, seconds] of Object.entries(meanTimes(times))) {
    tell(`  ${part.padEnd(14)} ${seconds.toFixed(2)}`);
  }
}

export async function scaleBenchmark({
  runs,
  nodes = defaultNodes,
  interruption,
}: BenchmarkOptions): Promise<Figures> {
  const fewNodes = Math.max(1, Math.round(nodes / smallerBy));
  const results: Readonly<Record<string, number>>[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const few = await measured(fewNodes, interruption);
    const many = await measured(nodes, interruption);
    tellTimes(fewNodes, few.histories.times);
    tellTimes(nodes, many.histories.times);
    const cost = many.cpuSeconds / nodes;
    const costOfFew = few.cpuSeconds / fewNodes;
    results.push({
      nodes,
      nodesPerMinute: (60 * nodes) / many.poolSeconds,
      rssMb: many.rssMb,
      apiRequestsPerNode: many.apiRequests / nodes,
      eventsPerNode: many.histories.events / nodes,
      costRatio: cost / costOfFew,
      cpuMsPerNode: 1_000 * cost,
      cpuMsPerNodeOfFew: 1_000 * costOfFew,
      wallSeconds: many.wallSeconds,
      wallSecondsOfFew: few.wallSeconds,
      nodesPerMinuteOfFew: (60 * fewNodes) / few.poolSeconds,
      rssMbOfFew: few.rssMb,
      apiRequestsPerNodeOfFew: few.apiRequests / fewNodes,
      eventsPerNodeOfFew: few.histories.events / fewNodes,
      longestHistory: many.histories.longest,
    });
  }
  return figuresOf(results);
}
