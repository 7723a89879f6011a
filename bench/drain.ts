// One drain of one node, by `kubectl drain` and by Ascent in turns, on the same lab: two nodes, and
// a Deployment that moves from one to the other and back. Wall time from the command to the empty
// node; for Ascent through its client, Temporal and a worker, as another service would ask for it.

import { type BenchLab, timed } from './bench-lab';
import { assertBegun } from './bench-upgrade';
import type { Chart } from './chart';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

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

const cluster = 'bench-drain';
const asked = { actor: 'bench', reason: 'a measurement' };

/** Where a drain begins, and where its pods go. */
interface Way {
  readonly from: string;
  readonly to: string;
}

/** All pods of the case on the first node, Ready; both nodes serve. */
async function prepare(lab: BenchLab, way: Way, one: Case): Promise<void> {
  const { pods, maxUnavailable } = one;
  await lab.kubectl('cordon', way.to);
  const budget = maxUnavailable === undefined ? {} : { maxUnavailable };
  await lab.deploy([{ name: 'web', replicas: pods, ...budget }]);
  await lab.untilAtRest(pods, way.from);
  await lab.kubectl('uncordon', way.to);
}

/** Seconds. Afterwards all pods are Ready on `to`, and `from` serves again. */
async function byKubectl(lab: BenchLab, { from, to }: Way, pods: number): Promise<number> {
  const seconds = await timed(() =>
    lab.kubectl('drain', from, '--ignore-daemonsets', '--timeout=300s'),
  );
  await lab.untilAtRest(pods, to);
  await lab.kubectl('uncordon', from);
  return seconds;
}

/** The same with Ascent. */
async function byAscent(lab: BenchLab, { from, to }: Way, pods: number): Promise<number> {
  const seconds = await timed(async () => {
    assertBegun(await lab.client.drain(cluster, from, asked));
    for await (const { status } of lab.client.watchDrain(cluster, from)) {
      if (status.end !== undefined && status.end.outcome !== 'drained') {
        throw new Error(`the drain of ${from} ended as ${status.end.outcome}`);
      }
    }
  });
  await lab.untilAtRest(pods, to);
  await lab.client.uncordon(cluster, from, asked);
  return seconds;
}

/** A pair of drains, there and back; who goes first changes with each pair. */
async function pair(
  lab: BenchLab,
  way: Way,
  { key, pods, isAscentFirst }: Case & { readonly isAscentFirst: boolean },
): Promise<Readonly<Record<string, number>>> {
  const wayBack = { from: way.to, to: way.from };
  const there = await (isAscentFirst ? byAscent : byKubectl)(lab, way, pods);
  const back = await (isAscentFirst ? byKubectl : byAscent)(lab, wayBack, pods);
  const [ascent, kubectl] = isAscentFirst ? [there, back] : [back, there];
  return {
    [`ratio${key}`]: ascent / kubectl,
    [`ascentSeconds${key}`]: ascent,
    [`kubectlSeconds${key}`]: kubectl,
  };
}

function chartOf({ medians }: Figures): Chart {
  const groups = cases.map(({ key, pods, maxUnavailable }) => ({
    label: `${pods} pods${maxUnavailable === undefined ? '' : `, budget ${maxUnavailable}`}`,
    bars: [
      { name: 'Ascent', value: medians[`ascentSeconds${key}`] ?? Number.NaN },
      { name: 'kubectl', value: medians[`kubectlSeconds${key}`] ?? Number.NaN },
    ],
  }));
  return { title: 'Draining one node', unit: 's', groups };
}

export function drainBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const shape = { name: cluster, members: 1, nodes: 2, workloads: 'none' } as const;
  return withLab({ shape, interruption }, async (lab) => {
    const [from = '', to = ''] = lab.nodes;
    const results: Readonly<Record<string, number>>[] = [];
    for (const one of cases) {
      process.stdout.write(`${one.pods} pods, maxUnavailable ${one.maxUnavailable ?? 'any'} …\n`);
      await prepare(lab, { from, to }, one);
      for (let index = 0; index < runs; index += 1) {
        results.push(await pair(lab, { from, to }, { ...one, isAscentFirst: index % 2 === 0 }));
      }
    }
    const figures = figuresOf(results);
    return { ...figures, chart: chartOf(figures) };
  });
}
