// Why the budgets of one drain allow nothing, from what its watches tell (budget-explanation.ts).
// It remembers for how long a budget has spared no pod: see explainBudget.

import {
  type BudgetExplanation,
  budgetKey,
  explainBudget,
  sparesNone,
} from '../../domain/drain/budget-explanation';
import type { BudgetRef } from '../../domain/names';
import type { Clock, NodeFollower } from '../ports';

export class DrainExplanations {
  readonly #follower: Pick<NodeFollower, 'shortfallOf'>;
  readonly #clock: Pick<Clock, 'nowMs'>;
  readonly #sparesNoneSinceMs = new Map<string, number>();

  constructor(follower: Pick<NodeFollower, 'shortfallOf'>, clock: Pick<Clock, 'nowMs'>) {
    this.#follower = follower;
    this.#clock = clock;
  }

  /** Undefined where no watch is open, and while the budget allows an eviction. */
  about(ref: BudgetRef): BudgetExplanation | undefined {
    const shortfall = this.#follower.shortfallOf(ref);
    if (shortfall === undefined) return undefined;
    const { budget, unhealthy } = shortfall;
    const key = budgetKey(ref);
    const nowMs = this.#clock.nowMs();
    const sinceMs = this.#sparesNoneSinceMs.get(key) ?? nowMs;
    if (sparesNone(budget)) this.#sparesNoneSinceMs.set(key, sinceMs);
    else this.#sparesNoneSinceMs.delete(key);
    return explainBudget(budget, unhealthy, nowMs - sinceMs);
  }
}
