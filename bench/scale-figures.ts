// What the scale benchmark reads from where it is kept: CPU time from the kernel, requests from the
// API server's metrics.

import type { BenchDeployment } from './bench-lab';

const podsPerNode = 10;
const podsPerDeployment = 100;

/** Ten pods a node, a hundred a Deployment, whose budgets allow a tenth: the same at every size. */
export function deploymentsFor(nodes: number): readonly BenchDeployment[] {
  const pods = nodes * podsPerNode;
  const count = Math.ceil(pods / podsPerDeployment);
  return Array.from({ length: count }, (_, index) => ({
    name: `app-${index + 1}`,
    replicas: Math.min(podsPerDeployment, pods - index * podsPerDeployment),
    maxUnavailable: '10%',
  }));
}

/** Linux counts CPU time in hundredths of a second for every program (USER_HZ, times(2)). */
const ticksPerSecond = 100;

/** User and system time of a process with all its threads, from its `/proc/PID/stat` (proc(5)). */
export function cpuSecondsIn(stat: string): number {
  // The name, in parentheses, may hold anything; utime and stime are the 12th and 13th after it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const seconds = (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
  if (Number.isFinite(seconds)) return seconds;
  throw new Error('the stat of a process has no times');
}

/** Requests of one FlowSchema that an API server has served since its start, by its /metrics. */
export function requestsIn(metrics: string, flowSchema: string): number {
  const counts = metrics
    .split('\n')
    .filter((line) => line.startsWith('apiserver_flowcontrol_dispatched_requests_total{'))
    .filter((line) => line.includes(`flow_schema="${flowSchema}"`))
    .map((line) => Number(line.slice(line.lastIndexOf('}') + 1)));
  if (counts.length === 0) throw new Error(`the API server knows no flow schema ${flowSchema}`);
  return counts.reduce((sum, count) => sum + count, 0);
}
