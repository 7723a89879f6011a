// The main job, whole: the demo with warm caches, and the worker's memory with 200 nodes.

import { runDemo } from '../bin/demo/demo';
import { silentScreen } from '../bin/demo/screen';
import type { DemoReport } from '../bin/demo/report';
import { figuresOf } from './statistics';
import type { Figures } from './statistics';

function timing(report: DemoReport, name: string): number {
  return report.durationsSeconds[name] ?? Number.NaN;
}

/** Throws when the demo itself was not right: a fast wrong answer is no figure. */
function assertOk(report: DemoReport): void {
  if (!report.ok) throw new Error(`the demo failed: ${report.problems.join('; ')}`);
}

/** Peak resident memory of the worker over one hop of a cluster with 200 nodes, in MiB. */
async function workerMemory(): Promise<number> {
  const report = await runDemo(
    { name: 'bench-200', members: 1, nodes: 200, to: '1.29', yes: true, maxUnavailable: '10%' },
    silentScreen,
  );
  assertOk(report);
  return report.workerPeakRssMb;
}

export async function demoBenchmark(runs: number): Promise<Figures> {
  const results: Record<string, number>[] = [];
  for (let run = 1; run <= runs; run += 1) {
    process.stdout.write(`demo ${run} of ${runs} …\n`);
    const report = await runDemo({ name: 'bench', yes: true }, silentScreen);
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
  results.push({ workerRssMb200Nodes: await workerMemory() });
  return figuresOf(results);
}
