// The rung `quarantine` of the drain's ladder: at its deadline a node is set aside by the policy of
// its pool, the pool goes on with the others and takes it again at its end.
// Q1. Only where every budget that keeps a pod has the healthy pods that it wants: one that lacks
//     some is in trouble, and moving on would drain more of its pods. What is not known counts as
//     lacking.
// Q2. Only while the pool has others to go on with, and bounded: a pool of which more nodes come to
//     their deadline has a cause that a person must see.

import type { DrainBlocker } from '../blockers';
import { type BudgetExplanation, budgetKey } from './budget-explanation';
import type { NodeName } from '../names';
import type { DrainPolicy } from '../spec';

/** A node that is set aside now. */
export interface SetAsideNode {
  readonly node: NodeName;
  /** Epoch milliseconds. */
  readonly sinceMs: number;
  /** How its drain ended. */
  readonly why: string;
}

/** Share of a pool that may be set aside at once. */
const setAsideShare = 0.1;

/** How many nodes of the pool its policy sets aside at once; 0 when it sets none aside (Q2). */
export function mostSetAside({ ladder }: Pick<DrainPolicy, 'ladder'>, poolNodes: number): number {
  if (ladder?.at(-1) !== 'quarantine') return 0;
  return Math.max(1, Math.floor(poolNodes * setAsideShare));
}

/** They tell that a budget keeps the pod, or may, and not how it stands. */
const unknownBudgets: ReadonlySet<DrainBlocker['code']> = new Set([
  'budget-not-observed',
  'budgets-overlap',
  'eviction-forbidden',
]);

/** Whether no budget among the blockers of a drain lacks healthy pods (Q1). */
export function sparesBudgets(blockers: readonly DrainBlocker[]): boolean {
  const explained = new Map(blockers.flatMap(explanationIn));
  return blockers.every((blocker) => {
    if (blocker.code !== 'budget-exhausted') return !unknownBudgets.has(blocker.code);
    const { budget } = blocker;
    const why = budget === undefined ? undefined : explained.get(budgetKey(budget));
    return why !== undefined && why.healthy >= why.wanted;
  });
}

/** It stands at one pod of its budget. */
function explanationIn(blocker: DrainBlocker): readonly (readonly [string, BudgetExplanation])[] {
  if (blocker.code !== 'budget-exhausted') return [];
  const { budget, explanation } = blocker;
  if (budget === undefined || explanation === undefined) return [];
  return [[budgetKey(budget), explanation]];
}
