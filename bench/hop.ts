// The control plane of three members over two hops, under 60 requests a second: 20 each over new
// connections, HTTP/1.1 keep-alive and HTTP/2, none tried again. A run is a lab of its own and two
// hops, 1.28 to 1.29 to 1.30; the nodes wait for the second, which is not counted.

import type { Interruption } from '../bin/interruption';
import type { HopOutcome } from '../domain/status/progress';
import type { BenchLab } from './bench-lab';
import { assertBegun, completed, controlPlaneFirst } from './bench-upgrade';
import type { LoadReport } from './hop-load/load';
import { startHopLoad } from './hop-load/start';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { withLab } from './with-lab';

const cluster = 'bench-hop';
const minors = 2;

function tell(text: string): void {
  process.stdout.write(`${text}\n`);
}

interface MeasuredHops {
  readonly hops: readonly HopOutcome[];
  readonly load: readonly LoadReport[];
}

function measured(interruption: Interruption): Promise<MeasuredHops> {
  const shape = { name: cluster, members: 3, nodes: 2, workloads: 'none' } as const;
  return withLab({ shape, interruption }, async (lab: BenchLab, { kubeconfig }) => {
    const load = await startHopLoad(kubeconfig);
    try {
      assertBegun(await lab.client.start(controlPlaneFirst(cluster, 0), { actor: 'bench' }));
      const { hops } = await completed(lab, cluster);
      return { hops, load: await load.report() };
    } finally {
      load.kill();
    }
  });
}

const otherSteps = ['preflight', 'snapshot'];

/** `whole`: all of the hop but preflight, snapshot and nodes; gates and verification included. */
function controlPlaneSeconds({ stepSeconds, startedAtMs, endedAtMs }: HopOutcome): {
  readonly members: readonly number[];
  readonly whole: number;
} {
  const steps = Object.entries(stepSeconds);
  const others = steps.filter(([label]) => otherSteps.includes(label) || label.startsWith('pool '));
  const otherSeconds = others.reduce((sum, [, seconds]) => sum + seconds, 0);
  return {
    members: steps.flatMap(([label, seconds]) =>
      label.startsWith('api-server ') ? [seconds] : [],
    ),
    whole: (endedAtMs - startedAtMs) / 1_000 - otherSeconds,
  };
}

export async function hopBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const results: Readonly<Record<string, number>>[] = [];
  const all: LoadReport[] = [];
  for (let run = 1; run <= runs; run += 1) {
    const { hops, load } = await measured(interruption);
    if (hops.length !== minors) throw new Error(`${hops.length} hops, expected ${minors}`);
    all.push(...load);
    for (const hop of hops) {
      const { members, whole } = controlPlaneSeconds(hop);
      for (const seconds of members) results.push({ secondsPerMember: seconds });
      results.push({ secondsPerHop: whole });
      tell(`  ${hop.hop}: ${whole.toFixed(1)} s, members ${members.join(', ')} s`);
    }
    const failures = load.flatMap((report) => report.failures);
    tell(`lab ${run} of ${runs}: ${load.map(counts).join('; ')}`);
    failures.forEach((failure) => tell(`  ${failure}`));
  }
  return figuresOf([...results, totals(all, runs)]);
}

function counts({ mode, failed, requests }: LoadReport): string {
  return `${mode}: ${failed} of ${requests} failed`;
}

function totals(reports: readonly LoadReport[], runs: number): Readonly<Record<string, number>> {
  const sum = (of: (report: LoadReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0);
  return {
    hops: runs * minors,
    requests: sum(({ requests }) => requests),
    failedRequests: sum(({ failed }) => failed),
    resentStreams: sum(({ resent }) => resent),
  };
}
