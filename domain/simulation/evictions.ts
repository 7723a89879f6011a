// What the Eviction API would answer for a pod, while a drain is simulated.
// Authority: pkg/registry/core/pod/storage/eviction.go of Kubernetes.
// V1. A budget is spent by every pod of it that leaves healthy, and gets it back when what takes
//     its place becomes Ready. One that finds no place keeps what it took.
// V2. Pods that are pending or finished pass by; unhealthy ones as `unhealthyPodEvictionPolicy`
//     says.

import { sparesNone } from '../drain/budget-explanation';
import { compileSelector } from '../label-match';
import type { BudgetRef } from '../names';
import { isFinished } from '../pod-phase';
import type { SimulatedBudget, SimulatedPod } from './evidence';

/** Why the Eviction API refuses a pod. */
export type BudgetStop =
  | { readonly code: 'budgets-overlap'; readonly budgets: readonly BudgetRef[] }
  /** Its controller cannot tell how many pods there should be. */
  | { readonly code: 'budget-sync-failed'; readonly budget: BudgetRef }
  /** Nobody has looked at it since it was changed. */
  | { readonly code: 'budget-unobserved'; readonly budget: BudgetRef }
  /** Its rule lets none of so many pods leave, ever. */
  | { readonly code: 'budget-never'; readonly budget: BudgetRef }
  /** It lets none leave as long as no more of its pods are healthy. */
  | { readonly code: 'budget-exhausted'; readonly budget: BudgetRef };

export type EvictionVerdict =
  | { readonly kind: 'leaves'; readonly spends?: SimulatedBudget }
  | { readonly kind: 'refused'; readonly stop: BudgetStop };

export class Evictions {
  readonly #byNamespace = new Map<
    string,
    { readonly budget: SimulatedBudget; readonly selects: ReturnType<typeof compileSelector> }[]
  >();
  readonly #spent = new Map<SimulatedBudget, number>();

  constructor(budgets: readonly SimulatedBudget[]) {
    for (const budget of budgets) {
      const { namespace } = budget.budget;
      const of = this.#byNamespace.get(namespace) ?? [];
      of.push({ budget, selects: compileSelector(budget.selector) });
      this.#byNamespace.set(namespace, of);
    }
  }

  /** As they were. */
  reset(): void {
    this.#spent.clear();
  }

  budgetsOf({ ref, labels }: Pick<SimulatedPod, 'ref' | 'labels'>): readonly SimulatedBudget[] {
    const here = this.#byNamespace.get(ref.namespace) ?? [];
    return here.filter(({ selects }) => selects(labels)).map(({ budget }) => budget);
  }

  /** What would be answered now; nothing is spent. */
  ask(pod: SimulatedPod): EvictionVerdict {
    if (isFinished(pod) || pod.phase === 'Pending') return { kind: 'leaves' };
    const budgets = this.budgetsOf(pod);
    const [budget] = budgets;
    if (budget === undefined) return { kind: 'leaves' };
    if (budgets.length > 1) {
      const refs = budgets.map((one) => one.budget);
      return { kind: 'refused', stop: { code: 'budgets-overlap', budgets: refs } };
    }
    if (!pod.ready && isFreeOf(budget)) return { kind: 'leaves' };
    const stop = this.#stopOf(budget);
    return stop === undefined ? { kind: 'leaves', spends: budget } : { kind: 'refused', stop };
  }

  /** Whether a budget would not let the pod leave now, so that who preempts it breaks it. */
  isGuarded(pod: SimulatedPod): boolean {
    return this.budgetsOf(pod).some((budget) => this.#left(budget) < 1);
  }

  spend(budget: SimulatedBudget): void {
    this.#spent.set(budget, budget.disruptionsAllowed - this.#left(budget) + 1);
  }

  giveBack(budget: SimulatedBudget): void {
    this.#spent.set(budget, budget.disruptionsAllowed - this.#left(budget) - 1);
  }

  #left(budget: SimulatedBudget): number {
    return budget.disruptionsAllowed - (this.#spent.get(budget) ?? 0);
  }

  #stopOf(of: SimulatedBudget): BudgetStop | undefined {
    const { budget } = of;
    if (of.syncFailed) return { code: 'budget-sync-failed', budget };
    if (!of.observed) return { code: 'budget-unobserved', budget };
    if (this.#left(of) > 0) return undefined;
    return { code: sparesNone(of) ? 'budget-never' : 'budget-exhausted', budget };
  }
}

/** V2. */
function isFreeOf(budget: SimulatedBudget): boolean {
  const { letsUnhealthyGo, currentHealthy, desiredHealthy } = budget;
  return letsUnhealthyGo || (desiredHealthy > 0 && currentHealthy >= desiredHealthy);
}
