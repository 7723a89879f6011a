// How many nodes of a pool may be out of service at the same time: what counts as such a limit, how
// it becomes a count, and what a person has changed about it while an upgrade runs.
// L1. A changed limit stands beside the plan, which stays as it was reviewed, and holds for every
//     hop that is left and for a rollback.
// L2. A count is never rounded up to more than was allowed, and never below 1, because an upgrade
//     must get somewhere.

import { count } from '../counts';
import { expectedText } from '../input-words';
import type { PoolName } from '../names';
import type { Plan, PoolStep } from '../plan/plan';
import type { MaxUnavailable } from '../spec';

/** What a limit looks like, for people who wrote something else. */
export const maxUnavailableWanted = 'a number of nodes from 1 or a percentage from "1%" to "100%"';

const percentage = /^\d+(?:\.\d+)?%$/;

export function isMaxUnavailable(value: unknown): value is MaxUnavailable {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 1;
  return typeof value === 'string' && percentage.test(value) && isPercentage(value);
}

/** From 1 to 100, when it is a percentage at all. */
export function isPercentage(text: string): boolean {
  const share = Number.parseFloat(text);
  return share >= 1 && share <= 100;
}

/** Longest text that is repeated to whoever sent it, in UTF-16 code units. */
const maxRepeatedLength = 40;

/** Why a value is no limit; undefined when it is one. */
export function maxUnavailableProblem(value: unknown): string | undefined {
  if (isMaxUnavailable(value)) return undefined;
  const shown = typeof value === 'string' ? value.slice(0, maxRepeatedLength) : value;
  return expectedText(maxUnavailableWanted, shown);
}

/** `2` → 2; `25%` of 9 nodes → 2 (L2). */
export function resolveMaxUnavailable(maxUnavailable: MaxUnavailable, nodeCount: number): number {
  const count =
    typeof maxUnavailable === 'number'
      ? maxUnavailable
      : (Number.parseFloat(maxUnavailable) * nodeCount) / 100;
  return Math.max(1, Math.floor(count));
}

/** A limit that a person has changed (L1). */
export interface PoolLimit {
  readonly pool: PoolName;
  /** As it was asked for. */
  readonly asked: MaxUnavailable;
  readonly by: string;
  readonly reason: string;
  readonly sinceMs: number;
}

/** Whether both mean the same for any pool: `20%` and `20.0%` do, `2` and `20%` do not. */
export function isSameLimit(one: MaxUnavailable, other: MaxUnavailable): boolean {
  if (typeof one !== typeof other) return false;
  return Number.parseFloat(String(one)) === Number.parseFloat(String(other));
}

/** Nodes of the step that may be out of service at once, with what was changed about it. */
export function limitOf(step: PoolStep, limits: readonly PoolLimit[] = []): number {
  const limit = limits.find(({ pool }) => pool === step.pool);
  if (limit === undefined) return step.maxUnavailable;
  return resolveMaxUnavailable(limit.asked, step.poolSize ?? step.nodes.length);
}

/** The plan as it is carried out; for estimates only: its digest is that of the plan (L1). */
export function withLimits(plan: Plan, limits: readonly PoolLimit[] = []): Plan {
  if (limits.length === 0) return plan;
  const hops = plan.hops.map((hop) => ({
    ...hop,
    steps: hop.steps.map((step) =>
      step.kind === 'pool' ? { ...step, maxUnavailable: limitOf(step, limits) } : step,
    ),
  }));
  return { ...plan, hops };
}

/** A changed limit as `status` tells it. */
export interface PoolLimitStatus extends PoolLimit {
  /**
   * Counts of the hop that takes the pool now or next: the limit that holds, and the planned one.
   * Absent while no hop that is left takes the pool.
   */
  readonly maxUnavailable?: number;
  readonly planned?: number;
}

/** `pool web: at most 3 nodes at once (20%), planned 1; changed by ada (more at night)`. */
export function limitSentence(limit: PoolLimitStatus): string {
  const { pool, asked, maxUnavailable, planned, by, reason } = limit;
  const who = `changed by ${by} (${reason})`;
  if (maxUnavailable === undefined || planned === undefined) {
    return `pool ${pool}: maxUnavailable ${asked}, ${who}`;
  }
  const share = typeof asked === 'string' ? ` (${asked})` : '';
  return (
    `pool ${pool}: at most ${count(maxUnavailable, 'node')} at once${share}, planned ${planned};` +
    ` ${who}`
  );
}
