// What benchmarks ask of an upgrade on their lab: that it began, that it came to its end, and what
// its pools took.

import type { HopOutcome, UpgradeResult } from '../domain/status/progress';
import type { BenchLab } from './bench-lab';

type Completed = Extract<UpgradeResult, { readonly outcome: 'completed' }>;
type Answer = Awaited<ReturnType<BenchLab['client']['start' | 'drain']>>;

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
