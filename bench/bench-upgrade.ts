// What benchmarks ask of an upgrade on their lab: its spec, that it began, that it came to its end,
// and what its pools took.

import { demoSpec } from '../bin/demo/demo';
import type { UpgradeSpec } from '../domain/spec';
import type { HopOutcome, UpgradeResult } from '../domain/status/progress';
import type { BenchLab } from './bench-lab';

type Completed = Extract<UpgradeResult, { readonly outcome: 'completed' }>;
type Answer = Awaited<ReturnType<BenchLab['client']['start' | 'drain']>>;

/**
 * Three members and two nodes. With `fewest-drains` the first hop is the control plane alone: the
 * nodes wait for the second.
 */
export function controlPlaneFirst(cluster: string, hopSoakMs: number): UpgradeSpec {
  const spec = demoSpec(cluster, { members: 3, nodes: 2 });
  const pools = spec.pools.map((pool) => ({ ...pool, lane: 'fewest-drains' as const }));
  return { ...spec, approvals: 'none', hopSoakMs, pools };
}

/** A refusal is no figure. */
export function assertBegun(answer: Answer): void {
  if (answer.kind === 'refused') throw new Error(`refused: ${answer.refusal.code}`);
}

/** Its result; anything but a completed upgrade is no figure. */
export async function completed(lab: BenchLab, cluster: string): Promise<Completed> {
  const result = await lab.client.result(cluster);
  if (result.outcome !== 'completed') throw new Error(`the upgrade ended as ${result.outcome}`);
  return result;
}

/** Seconds of all pool steps. */
export function poolSecondsOf(hops: readonly Pick<HopOutcome, 'stepSeconds'>[]): number {
  const steps = hops.flatMap(({ stepSeconds }) => Object.entries(stepSeconds));
  const ofPools = steps.filter(([label]) => label.startsWith('pool '));
  return ofPools.reduce((sum, [, seconds]) => sum + seconds, 0);
}
