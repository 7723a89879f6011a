// Evictions of one budget, one after the other.
// T1. At the same time they conflict over the budget's status, and the API server tries again only
//     half a second later, up to 20 times (registry/core/pod/storage/eviction.go, EvictionsRetry);
//     one after the other each takes some milliseconds.
// T2. One that conflicts with the disruption controller sleeps all the same: nobody waits for it.

import { setTimeout as delay } from 'node:timers/promises';

/** T2: longer than an eviction takes, shorter than the API server's pause. */
const defaultPatienceMs = 300;

export class BudgetTurns {
  readonly #patienceMs: number;
  /** The end of the last turn of each budget; never rejects. */
  readonly #ends = new Map<string, Promise<void>>();

  constructor(patienceMs: number = defaultPatienceMs) {
    this.#patienceMs = patienceMs;
  }

  /** Does `work` when all turns before of these budgets are over. */
  async take<Result>(budgets: readonly string[], work: () => Promise<Result>): Promise<Result> {
    const turn = Promise.all(budgets.flatMap((budget) => this.#ends.get(budget) ?? []));
    const working = turn.then(work);
    const end = turn.then(() => this.#over(working));
    for (const budget of budgets) this.#ends.set(budget, end);
    void end.then(() => {
      for (const budget of budgets) if (this.#ends.get(budget) === end) this.#ends.delete(budget);
    });
    return working;
  }

  /** When `working` has ended, or patience has (T2). */
  async #over(working: Promise<unknown>): Promise<void> {
    const isOver = new AbortController();
    const patience = delay(this.#patienceMs, undefined, { signal: isOver.signal, ref: false });
    await Promise.race([working, patience]).catch(() => undefined);
    isOver.abort();
    await patience.catch(() => undefined);
  }
}
