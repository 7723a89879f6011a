// The main job, whole: the demo with warm caches, and the worker's memory with 200 nodes.

import { type DemoOptions, runDemo } from '../bin/demo/demo';
import { silentScreen } from '../bin/demo/screen';
import type { DemoReport } from '../bin/demo/report';
import type { Interruption } from '../bin/interruption';
import { type BenchmarkOptions, type Figures, figuresOf } from './statistics';
import { benchLabNamed } from './with-lab';

function timing(report: DemoReport, name: string): number {
  return report.durationsSeconds[name] ?? Number.NaN;
}

/** A fast wrong answer is no figure. A single member is away for a moment: requests may fail. */
function assertUpgraded(report: DemoReport, minor: string): void {
  const behind = [...report.members, ...report.nodes].filter(
    ({ after }) => !after.startsWith(`${minor}.`),
  );
  if (behind.length === 0) return;
  throw new Error(`not at ${minor}: ${behind.map(({ name }) => name).join(', ')}`);
}

/** One whole demo, without questions; it takes itself down. */
function demo(
  options: DemoOptions & { readonly name: string },
  interruption: Interruption,
): Promise<DemoReport> {
  const { signal } = interruption;
  return interruption.whileTearingDown(benchLabNamed(options.name), () =>
    runDemo({ ...options, yes: true, signal }, silentScreen),
  );
}

/** Peak resident memory of the worker over one hop of a cluster with 200 nodes, in MiB. */
async function workerMemory(interruption: Interruption): Promise<number> {
  const shape = { name: 'bench-200', members: 1, nodes: 200 };
  const report = await demo({ ...shape, to: '1.29', maxUnavailable: '10%' }, interruption);
  assertUpgraded(report, '1.29');
  return report.workerPeakRssMb;
}

export async function demoBenchmark({ runs, interruption }: BenchmarkOptions): Promise<Figures> {
  const results: Record<string, number>[] = [];
  for (let run = 1; run <= runs; run += 1) {
    process.stdout.write(`demo ${run} of ${runs} …\n`);
    const report = await demo({ name: 'bench' }, interruption);
    assertUpgraded(report, '1.30');
    // Failures of requests and budgets are figures here, not reasons to stop.
    const { failedRequests, budgetViolations, eventsPerNodeWorkflow } = report;
    results.push({
      seconds: timing(report, 'total'),
      labUpSeconds: timing(report, 'labUp'),
      temporalUpSeconds: timing(report, 'temporalUp'),
      failedRequests,
      budgetViolations,
      eventsPerNodeWorkflow,
    });
  }
  process.stdout.write('one hop with 200 nodes …\n');
  results.push({ workerRssMb200Nodes: await workerMemory(interruption) });
  return figuresOf(results);
}
